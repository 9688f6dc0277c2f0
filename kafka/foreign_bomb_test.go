package kafka_test

import (
	"bytes"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/deadletters"
	"github.com/fencelog/fencelog/kafka/doctor"
)

// bombBytes is the size of a foreign batch of some kilobytes when it is decompressed.
const bombBytes = 256 << 20

// bombShare bounds all that opening and reading allocate, however large foreign batches become.
const bombShare = bombBytes / 2

// Nobody who opens, follows or reads decompresses a batch that is not the owner's.
func TestForeign_bombIsNotDecompressed(t *testing.T) {
	_, cfg := fake(t)
	s := open(t, cfg)
	own := records(3, "")
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, own...))
	require.NoError(t, err)
	c := foreigner(t, cfg, kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(1<<30),
		kgo.BrokerMaxWriteBytes(1<<30))
	bomb := garbage(cfg)
	bomb.Value = make([]byte, bombBytes)
	require.NoError(t, c.ProduceSync(t.Context(), bomb).FirstErr())
	bomb.Value = nil
	more := records(2, "")
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), 3, more...))
	require.NoError(t, err)
	require.NoError(t, s.Close())

	allocated := allocatedBy(func() {
		again := open(t, cfg)
		require.Equal(t, idsOf(own, more), ids(t, again, "a"))
		n := 0
		for _, err := range again.ReadCategory(t.Context(), category, eventstore.Beginning()) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, 5, n)
		require.Equal(t, int64(1), again.Skipped())
	})
	t.Logf("%d KiB", allocated>>10)
	require.Less(t, allocated, uint64(bombShare))
}

// Readers pass over a foreign batch that is larger than any batch that a store keeps.
func TestForeign_batchLargerThanAFetchIsReadPast(t *testing.T) {
	_, cfg := fake(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "67108864"}))
	s := open(t, cfg)
	c := foreigner(t, cfg, kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(32<<20),
		kgo.BrokerMaxWriteBytes(64<<20))
	large := garbage(cfg)
	large.Value = bytes.Repeat([]byte("x"), 20<<20)
	if err := c.ProduceSync(t.Context(), large).FirstErr(); err != nil {
		t.Skipf("the fake brokers take no batch of 20 MiB: %v", err)
	}
	own := records(1, "")
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, own...))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	again := open(t, cfg)
	require.Equal(t, idsOf(own), ids(t, again, "a"))
	require.Equal(t, int64(1), again.Skipped())
}

// A batch under the owner's term may decompress to more than this library writes. The store refuses
// it and names its place.
func TestForeign_bombUnderTheOwnersTermIsRefused(t *testing.T) {
	c, cfg := fake(t)
	term := lastTerm(c)
	require.NoError(t, open(t, cfg).Close())
	offset := writeBatch(t, cfg, &sarama.RecordBatch{
		Version: 2, Codec: sarama.CompressionZSTD, ProducerID: term.ProducerID, ProducerEpoch: term.ProducerEpoch,
		FirstTimestamp: time.UnixMilli(1), MaxTimestamp: time.UnixMilli(1),
		Records: []*sarama.Record{{Key: []byte("a"), Value: make([]byte, 64<<20)}},
	})
	var corrupt *kafka.CorruptError
	allocated := allocatedBy(func() {
		_, err := kafka.Open(t.Context(), cfg)
		require.ErrorAs(t, err, &corrupt)
	})
	require.Equal(t, offset, corrupt.Offset)
	require.ErrorContains(t, corrupt, "larger than this library reads")
	require.Less(t, allocated, uint64(64<<20+32<<20))
}

func allocatedBy(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A broker has 1,000 places for fetch sessions, which all its clients share. No fetch takes one.
func TestFetch_opensNoSession(t *testing.T) {
	c, cfg := fake(t)
	var fetches, sessions atomic.Int64
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		fetches.Add(1)
		if r.(*kmsg.FetchRequest).SessionEpoch != -1 {
			sessions.Add(1)
		}
		return nil, nil, false
	})
	s := open(t, cfg)
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
	for _, err := range s.ReadCategory(t.Context(), category, eventstore.Beginning()) {
		require.NoError(t, err)
	}
	openReader(t, cfg)
	for _, f := range doctor.Diagnose(t.Context(), cfg) {
		require.NotEqual(t, doctor.Wrong, f.Verdict, f)
	}
	letters, err := deadletters.Open(t.Context(), cfg.Connection, cfg.Topics)
	require.NoError(t, err)
	defer letters.Close()
	_, err = letters.List(t.Context(), "")
	require.NoError(t, err)
	require.Greater(t, fetches.Load(), int64(3))
	require.Zero(t, sessions.Load())
}
