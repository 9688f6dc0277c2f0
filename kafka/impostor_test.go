package kafka_test

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka"
)

// A batch with the owner's own producer id and epoch that holds no events of this library can only be a forgery or a
// fault of ours: nothing is skipped, the topic is refused with the offset.
func TestGarbageUnderTheOwnersTermIsRefused(t *testing.T) {
	c, cfg := fake(t)
	var claim kmsg.AddPartitionsToTxnRequest
	c.ControlKey(int16(kmsg.AddPartitionsToTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		claim = *r.(*kmsg.AddPartitionsToTxnRequest)
		return nil, nil, false
	})
	require.NoError(t, open(t, cfg).Close())

	conf := sarama.NewConfig()
	conf.Version = sarama.V2_8_0_0
	client, err := sarama.NewClient(cfg.Brokers, conf)
	require.NoError(t, err)
	defer client.Close()
	leader, err := client.Leader(topic, 0)
	require.NoError(t, err)
	request := &sarama.ProduceRequest{Version: 8, RequiredAcks: sarama.WaitForAll, Timeout: 1_000}
	request.AddBatch(topic, 0, &sarama.RecordBatch{
		Version: 2, ProducerID: claim.ProducerID, ProducerEpoch: claim.ProducerEpoch,
		FirstTimestamp: time.UnixMilli(1), MaxTimestamp: time.UnixMilli(1),
		Records: []*sarama.Record{{Key: []byte("a"), Value: []byte("not an event")}},
	})
	response, err := leader.Produce(request)
	require.NoError(t, err)
	require.Equal(t, sarama.ErrNoError, response.GetBlock(topic, 0).Err)

	_, err = kafka.Open(t.Context(), cfg)
	var corrupt *kafka.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, response.GetBlock(topic, 0).Offset, corrupt.Offset)
	require.ErrorContains(t, err, "header eventId is missing")
}
