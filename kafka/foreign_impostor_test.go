package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
)

// A batch has the owner's own producer id and epoch, and holds no events of this library. It can
// only be a forgery or a fault of ours. The store skips nothing, refuses the topic, and names the
// offset.
func TestForeign_garbageUnderTheOwnersTermIsRefused(t *testing.T) {
	c, cfg := fake(t)
	term := lastTerm(c)
	require.NoError(t, open(t, cfg).Close())

	offset := forge(t, cfg, term)
	_, err := kafka.Open(t.Context(), cfg)
	var corrupt *kafka.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, offset, corrupt.Offset)
	require.ErrorContains(t, err, "header eventId is missing")
}

// If a store that follows such a topic cannot keep its index up to date any more, it serves nothing
// from it.
func TestForeign_garbageEndsFollowing(t *testing.T) {
	c, cfg := fake(t)
	term := lastTerm(c)
	open(t, cfg)
	reader := openReader(t, cfg)
	require.Empty(t, ids(t, reader, "a"))

	offset := forge(t, cfg, term)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var corrupt *kafka.CorruptError
	for !errors.As(firstError(reader.ReadStream(ctx, stream("a"), 1)), &corrupt) {
		require.NoError(t, clock.Wait(ctx, time.Millisecond))
	}
	require.Equal(t, offset, corrupt.Offset)
	require.Equal(t, offset, reader.Status()[0].Next)
	require.ErrorAs(t, reader.Status()[0].Err, &corrupt)
	require.ErrorAs(t, firstError(reader.ReadCategory(ctx, category, eventstore.Beginning())), &corrupt)
}

// lastTerm returns a place that always holds the term of the newest claim.
func lastTerm(c *kfake.Cluster) *kmsg.AddPartitionsToTxnRequest {
	var claim kmsg.AddPartitionsToTxnRequest
	c.ControlKey(int16(kmsg.AddPartitionsToTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		claim = *r.(*kmsg.AddPartitionsToTxnRequest)
		return nil, nil, false
	})
	return &claim
}

// forge writes a batch of the term that holds no event. It returns the batch's offset.
func forge(t testing.TB, cfg kafka.Config, claim *kmsg.AddPartitionsToTxnRequest) int64 {
	t.Helper()
	return writeBatch(t, cfg, &sarama.RecordBatch{
		Version: 2, ProducerID: claim.ProducerID, ProducerEpoch: claim.ProducerEpoch,
		FirstTimestamp: time.UnixMilli(1), MaxTimestamp: time.UnixMilli(1),
		Records: []*sarama.Record{{Key: []byte("a"), Value: []byte("not an event")}},
	})
}

// writeBatch writes a batch as it is, and returns its offset.
func writeBatch(t testing.TB, cfg kafka.Config, b *sarama.RecordBatch) int64 {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V2_8_0_0
	client, err := sarama.NewClient(cfg.Connection.Brokers, conf)
	require.NoError(t, err)
	defer client.Close()
	leader, err := client.Leader(topic, 0)
	require.NoError(t, err)
	request := &sarama.ProduceRequest{Version: 8, RequiredAcks: sarama.WaitForAll, Timeout: 1_000}
	request.AddBatch(topic, 0, b)
	response, err := leader.Produce(request)
	require.NoError(t, err)
	require.Equal(t, sarama.ErrNoError, response.GetBlock(topic, 0).Err)
	return response.GetBlock(topic, 0).Offset
}
