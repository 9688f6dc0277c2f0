package kafka_test

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// A broker says that it has stored a batch at an offset where the index has another record. Nobody
// who waits is told that nothing was appended, because the batch may be stored.
func TestPosition_impossibleIsInDoubt(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(3, "")...))
	require.NoError(t, err)
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		answer := r.ResponseKind().(*kmsg.ProduceResponse)
		asked := r.(*kmsg.ProduceRequest).Topics[0]
		at := kmsg.NewProduceResponseTopic()
		at.Topic, at.TopicID = asked.Topic, asked.TopicID
		part := kmsg.NewProduceResponseTopicPartition()
		part.Partition, part.BaseOffset = asked.Partitions[0].Partition, 1
		at.Partitions = append(at.Partitions, part)
		answer.Topics = append(answer.Topics, at)
		return answer, nil, true
	})
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), 3, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	require.ErrorContains(t, err, "belongs at offset")
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), 3, records(1, "")...))
	var corrupt *kafka.CorruptError
	require.ErrorAs(t, err, &corrupt, "later ones are not in doubt")
	require.Eventually(t, func() bool {
		return s.Status()[0].Err != nil
	}, time.Minute, time.Millisecond, "nor is what the index says served on")
	require.False(t, s.Status()[0].Owned)
}

// A batch lands, its answer is lost, and the owner sends it again. The broker has forgotten the
// producer, and stores the batch twice. The caller is told the position of the copy that counts.
func TestPosition_isThatOfTheCopyThatCounts(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut}) // stored all the same
	attempts := 0
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if attempts++; attempts == 2 {
			goOnFrom(r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records, 2) // for the broker this is no duplicate
		}
		return nil, nil, false
	})
	result, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(2, "")...))
	require.NoError(t, err)
	require.Equal(t, int64(2), s.Skipped(), "the second copy")
	var last int64
	for r, err := range s.ReadStream(t.Context(), stream("a"), 1) {
		require.NoError(t, err)
		last = r.Position.Offset
	}
	require.Equal(t, last, result.Position.Offset)
}

// goOnFrom gives the batch another sequence number.
func goOnFrom(batch []byte, sequence uint32) {
	const crc, attributes, baseSequence = 17, 21, 53 // org.apache.kafka.common.record.DefaultRecordBatch
	binary.BigEndian.PutUint32(batch[baseSequence:], sequence)
	binary.BigEndian.PutUint32(batch[crc:], crc32.Checksum(batch[attributes:], crc32.MakeTable(crc32.Castagnoli)))
}
