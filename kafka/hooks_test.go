package kafka_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
)

// heard keeps what the hooks are told.
type heard struct {
	mu       sync.Mutex
	appended []eventstore.Appended
	wrote    []kafka.Batch
	claimed  []kafka.Claim
	lost     []kafka.Loss
	skipped  []kafka.Skip
}

func (h *heard) hooks() kafka.Hooks {
	return kafka.Hooks{
		Appended: func(_ context.Context, a eventstore.Appended) { keep(h, &h.appended, a) },
		Wrote:    func(b kafka.Batch) { keep(h, &h.wrote, b) },
		Claimed:  func(c kafka.Claim) { keep(h, &h.claimed, c) },
		Lost:     func(l kafka.Loss) { keep(h, &h.lost, l) },
		Skipped:  func(s kafka.Skip) { keep(h, &h.skipped, s) },
	}
}

func keep[T any](h *heard, all *[]T, one T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*all = append(*all, one)
}

func TestHooks_areToldWhatHappens(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	var h heard
	cfg.Hooks = h.hooks()
	s := open(t, cfg)
	require.Len(t, h.claimed, 1)
	require.Equal(t, topic, h.claimed[0].Topic)
	require.Positive(t, h.claimed[0].Duration)

	before := time.Now()
	result, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(3, "c-1")...))
	require.NoError(t, err)
	again, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(3, "c-1")...))
	require.NoError(t, err)
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrConflict)
	_, err = s.Append(t.Context(), eventstore.To(stream(""), eventstore.NoStream, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.Len(t, h.appended, 4)
	first := h.appended[0]
	require.Equal(t, eventstore.Appended{
		Commit: first.Commit, Result: result, Start: first.Start, Duration: first.Duration,
	}, first)
	require.Equal(t, stream("a"), first.Commit.Stream())
	require.Len(t, first.Commit.Records, 3)
	require.Positive(t, first.Duration)
	require.False(t, first.Start.Before(before))
	require.Equal(t, again, h.appended[1].Result)
	require.True(t, again.Repeated)
	require.ErrorIs(t, h.appended[2].Err, eventstore.ErrConflict)
	require.Equal(t, err, h.appended[3].Err)
	require.Len(t, h.wrote, 1, "the others needed no batch")
	require.Equal(t, kafka.Batch{Topic: topic, Commits: 1, Records: 3, Duration: h.wrote[0].Duration}, h.wrote[0])
	require.Positive(t, h.wrote[0].Duration)
	_, tip := readQueued(s, t.Context(), stream("b"), 1)
	behind, err := tip.Append(t.Context(), records(1, "")...)
	require.NoError(t, err)
	require.Len(t, h.appended, 5)
	require.Equal(t, behind, h.appended[4].Result, "a decision on what is queued is an append like any other")

	writeForeign(t, cfg)
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Expected(3), records(1, "")...))
	require.NoError(t, err)
	require.Equal(t, []kafka.Skip{{Topic: topic, Offset: h.skipped[0].Offset, Records: 1}}, h.skipped)
	require.Equal(t, behind.Position.Offset+1, h.skipped[0].Offset)
	require.Empty(t, h.lost)

	quietly := cfg
	quietly.Hooks = kafka.Hooks{}
	overtake(t, c, quietly)
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	require.Eventually(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.lost) == 1
	}, time.Minute, time.Millisecond)
	require.ErrorIs(t, h.lost[0].Err, eventstore.ErrNotOwner)
	require.Error(t, h.wrote[len(h.wrote)-1].Err)
}

// Closing is no loss.
func TestHooks_areNotToldOfAClose(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	var h heard
	cfg.Hooks = h.hooks()
	s := open(t, cfg)
	require.Positive(t, s.IndexBytes())
	require.NoError(t, s.Close())
	require.Empty(t, h.lost)
	require.Zero(t, s.IndexBytes())
}

// A store that follows is behind another store's appends until it has read them. Then it is not
// behind any more.
func TestStatus_tellsTheLag(t *testing.T) {
	t.Parallel()
	cluster, cfg := fake(t)
	owner := open(t, cfg)
	reading := cfg
	follower := openReader(t, reading)
	before := owner.Status()[0].Next
	eventually(t, "it has followed", func() bool { return follower.Status()[0].Next == before })
	const appends = 50
	release := holdBack(cluster, func() int64 { return owner.Status()[0].Next })
	for range appends {
		_, err := owner.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, records(1, "")...))
		require.NoError(t, err)
	}
	require.Zero(t, owner.Status()[0].Lag)
	eventually(t, "it is behind", func() bool { return follower.Status()[0].Lag == appends })
	require.Equal(t, before, follower.Status()[0].Next)
	release()
	eventually(t, "it has followed", func() bool {
		s := follower.Status()[0]
		return s.Next == before+appends && s.Lag == 0
	})
}

// holdBack makes the brokers answer fetches only with the end of the partition, until release is
// called. It waits for the first such answer, because earlier fetches still bring records.
func holdBack(c *kfake.Cluster, end func() int64) (release func()) {
	var released atomic.Bool
	held := make(chan struct{})
	var once sync.Once
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if released.Load() {
			return nil, nil, false
		}
		asked := r.(*kmsg.FetchRequest).Topics[0]
		partition := kmsg.NewFetchResponseTopicPartition()
		partition.Partition, partition.HighWatermark, partition.RecordBatches = asked.Partitions[0].Partition, end(),
			[]byte{}
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
		topic.Partitions = append(topic.Partitions, partition)
		response := r.ResponseKind().(*kmsg.FetchResponse)
		response.Topics = append(response.Topics, topic)
		once.Do(func() { close(held) })
		return response, nil, true
	})
	<-held
	return func() { released.Store(true) }
}

func TestHooks_areToldHowFarTheIndexIs(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	s := open(t, cfg)
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(3, "c-1")...))
	require.NoError(t, err)
	end := s.Status()[0].Next

	var mu sync.Mutex
	var reads []kafka.Read
	cfg.Hooks.Read = func(r kafka.Read) {
		mu.Lock()
		defer mu.Unlock()
		reads = append(reads, r)
	}
	storetest.OpenReader(t, cfg)
	mu.Lock()
	defer mu.Unlock()
	require.NotEmpty(t, reads)
	require.Equal(t, kafka.Read{Topic: topic, Partition: 0, Next: end, End: end}, reads[len(reads)-1])
}
