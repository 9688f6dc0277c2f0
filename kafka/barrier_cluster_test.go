//go:build cluster

package kafka_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
)

func TestCheck_onBrokers(t *testing.T) { testRefusals(t, real(t)) }

// Refusals and appends come from many callers at once. Neither disturbs the other: brokers accept
// batches during a barrier's transaction.
func TestBarrier_besideAppends_onBrokers(t *testing.T) {
	const callers, rounds = 16, 25
	cfg := real(t)
	var claims, barriers, refused atomic.Int64
	cfg.Hooks.Claimed = func(kafka.Claim) { claims.Add(1) }
	cfg.Hooks.Barred = func(b kafka.Barrier) {
		barriers.Add(1)
		if b.Err != nil {
			refused.Add(1)
		}
	}
	s := open(t, cfg)
	r := counters(t, s)
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			for i := range rounds {
				id := named("s", n)
				if _, err := r.Update(within(t), id, count); n%4 == 0 && err != nil {
					t.Error(err)
				}
				if _, err := r.Update(within(t), id, refuse); err != nil {
					t.Errorf("round %d: %v", i, err)
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, errOf(r.Update(within(t), "s-0", refuse)), "alone: this takes a barrier")
	require.EqualValues(t, 1, claims.Load())
	require.Positive(t, barriers.Load())
	require.Zero(t, refused.Load())
	require.Zero(t, s.Skipped())
	t.Logf("%d barriers for %d refusals", barriers.Load(), callers*rounds+1)
}

// writeMarkers makes the partition's leader write a marker. A coordinator does the same if it asks
// twice, or late.
func writeMarkers(t *testing.T, cfg kafka.Config, producer int64, epoch int16, commit bool) error {
	t.Helper()
	c := foreigner(t, cfg)
	leader := leaderOf(t, c, cfg)
	topic := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
	topic.Topic, topic.Partitions = topicOf(cfg), []int32{0}
	marker := kmsg.NewWriteTxnMarkersRequestMarker()
	marker.ProducerID, marker.ProducerEpoch, marker.Committed = producer, epoch, commit
	marker.CoordinatorEpoch = coordinatorEpoch(t, c, cfg)
	marker.Topics = append(marker.Topics, topic)
	request := kmsg.NewPtrWriteTxnMarkersRequest()
	request.Markers = append(request.Markers, marker)
	response, err := c.Broker(int(leader)).Request(t.Context(), request)
	require.NoError(t, err)
	return kerr.ErrorForCode(response.(*kmsg.WriteTxnMarkersResponse).Markers[0].Topics[0].Partitions[0].ErrorCode)
}

// coordinatorEpoch returns the epoch that the coordinator of the transactional id puts into
// markers. It is the leader epoch of the partition of __transaction_state that keeps the id
// (org.apache.kafka.coordinator.transaction.TransactionStateManager, partitionFor).
func coordinatorEpoch(t *testing.T, c *kgo.Client, cfg kafka.Config) int32 {
	t.Helper()
	const states = "__transaction_state"
	all, err := kadm.NewClient(c).Metadata(t.Context(), states)
	require.NoError(t, err)
	hash := int32(0)
	for _, b := range []byte(kafka.DefaultTransactionalIDPrefix + "." + topicOf(cfg) + ".0") {
		hash = 31*hash + int32(b)
	}
	partitions := all.Topics[states].Partitions
	require.NotEmpty(t, partitions)
	return partitions[int32(uint32(hash)&0x7fffffff)%int32(len(partitions))].LeaderEpoch
}

func leaderOf(t *testing.T, c *kgo.Client, cfg kafka.Config) int32 {
	t.Helper()
	found, err := kadm.NewClient(c).ListTopics(t.Context(), topicOf(cfg))
	require.NoError(t, err)
	return found[topicOf(cfg)].Partitions[0].Leader
}

// producerOf returns the term of the owner of the partition, as its leader knows it.
func producerOf(t *testing.T, cfg kafka.Config, prefix string) (int64, int16) {
	t.Helper()
	c := kadm.NewClient(foreigner(t, cfg))
	found, err := c.DescribeTransactions(t.Context(), prefix+"."+topicOf(cfg)+".0")
	require.NoError(t, err)
	state := found.Sorted()[0]
	require.NoError(t, state.Err)
	return state.ProducerID, state.ProducerEpoch
}

// A coordinator writes a marker twice. Another process has overtaken the owner, under another
// transactional id, so the coordinator fences nobody. The owner does not take the copy for the
// marker of its next barrier.
func TestBarrier_isNotProvedByADoubledMarker(t *testing.T) {
	cfg := real(t)
	former := counters(t, openAsleep(t, cfg)) // if it saw the other's marker, it would renew its claim
	for barriers := range 3 {                 // before the barrier that must not take the copy for its marker
		id, epoch := producerOf(t, cfg, kafka.DefaultTransactionalIDPrefix)
		for range barriers {
			require.ErrorIs(t, errOf(former.Update(within(t), "nothing", refuse)), errNoCounter)
		}
		commits := barriers%2 == 0 // the first barrier of a term aborts
		require.NoError(t, writeMarkers(t, cfg, id, epoch, commits))

		other := cfg
		other.TransactionalIDPrefix = "another"
		s := open(t, other)
		require.NoError(t, errOf(counters(t, s).Update(within(t), named("s", barriers), count)))
		require.NoError(t, errOf(former.Update(within(t), named("s", barriers), refuse)),
			"not refused: the other's event is there")
		require.NoError(t, s.Close())
	}
}

// A marker of a term comes again after another process has claimed. It gives the term back to
// nobody.
func TestBarrier_lateMarkerRevivesNoTerm(t *testing.T) {
	cfg := real(t)
	former := openAsleep(t, cfg) // if it saw the other's marker, it would renew its claim
	id, epoch := producerOf(t, cfg, kafka.DefaultTransactionalIDPrefix)
	_, err := former.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
	other := cfg
	other.TransactionalIDPrefix = "another"
	owner := open(t, other)
	_, err = owner.Append(t.Context(), eventstore.To(stream("a"), 1, records(1, "")...))
	require.NoError(t, err)
	require.NoError(t, writeMarkers(t, cfg, id, epoch, true))
	for version := int64(2); version < 5; version++ {
		_, err = owner.Append(t.Context(), eventstore.To(stream("a"), eventstore.Expected(version), records(1, "")...))
		require.NoError(t, err)
	}
	require.Zero(t, owner.Skipped(), "no batch was written twice")
	want := ids(t, owner, "a")
	require.NoError(t, owner.Close())
	require.NoError(t, former.Close())
	require.Equal(t, want, ids(t, open(t, cfg), "a"))
}

// Barriers leave markers at the end of a partition. A program that reads only committed data reads
// to the end, and a subscription's offset moves past the markers.
func TestBarrier_isPassedByConsumers(t *testing.T) {
	cfg := real(t)
	s := open(t, cfg)
	r := counters(t, s)
	require.NoError(t, errOf(r.Update(within(t), "a", count)))
	for range 3 {
		require.NoError(t, errOf(r.Update(within(t), "a", refuse)))
	}
	end := s.Status()[0].Next
	admin := kadm.NewClient(foreigner(t, cfg))
	stable, err := admin.ListCommittedOffsets(t.Context(), topicOf(cfg))
	require.NoError(t, err)
	at, ok := stable.Lookup(topicOf(cfg), 0)
	require.True(t, ok)
	require.Equal(t, end, at.Offset, "the last stable offset is the end")

	sub, err := s.Subscribe(t.Context(), subscription.Config{
		Group: "readers-" + cfg.Topics.Prefix, Category: category,
		Handler: func(context.Context, eventstore.Record) error { return nil },
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, sub.Close()) }()
	lag := func() int64 {
		lags, err := admin.Lag(within(t), "readers-"+cfg.Topics.Prefix)
		if err != nil { // while brokers make the group's topic
			return -1
		}
		l, ok := lags["readers-"+cfg.Topics.Prefix].Lag.Lookup(topicOf(cfg), 0)
		if !ok || l.Err != nil || l.Commit.At < 0 {
			return -1
		}
		return l.Lag
	}
	require.Eventually(t, func() bool { return lag() == 0 }, time.Minute, 50*time.Millisecond)
	require.NoError(t, errOf(r.Update(within(t), "a", refuse)))
	require.Eventually(t, func() bool {
		return s.Status()[0].Next > end && lag() == 0
	}, time.Minute, 50*time.Millisecond)
}
