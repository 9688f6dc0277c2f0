package kafka_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// soonEnough returns a context for a call that takes milliseconds and must not wait until a
// caller's patience ends.
func soonEnough(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// The batch that should answer a question is refused by the broker. A barrier answers it.
func TestBarrier_afterARefusedBatchLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	_, tip := readQueued(s, t.Context(), stream("a"), 1)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge, Count: 1})
	_, err := s.Append(t.Context(), eventstore.To(stream("b"), eventstore.NoStream, records(1, "")...))
	var refused *kafka.RefusedError
	require.ErrorAs(t, err, &refused)
	require.NoError(t, tip.Await(soonEnough(t)))
}

// A renewal takes the barrier's place because its term has no marker yet, and brokers refuse it.
// All who wait are told, and the owner does not ask the coordinator again and again.
func TestBarrier_afterARefusedRenewalTellsAllWhoWait(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	fault := c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.AddPartitionsToTxn}, Err: kerr.TopicAuthorizationFailed,
		Count: -1,
	})
	renewals := observe(c, kmsg.InitProducerID)
	r := counters(t, s)
	for range 3 {
		_, err := r.Update(soonEnough(t), "a", refuse)
		require.NotErrorIs(t, err, errNoCounter)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
	}
	require.LessOrEqual(t, renewals.Hits(), 6)
	fault.Remove()
	require.ErrorIs(t, errOf(r.Update(soonEnough(t), "a", refuse)), errNoCounter)
}

// doubleMarker writes a marker. A coordinator does the same if it asks twice, or late.
func doubleMarker(t testing.TB, c *kfake.Cluster, cfg kafka.Config, producer int64, epoch int16, commit bool) error {
	f := foreigner(t, cfg)
	topic := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
	topic.Topic, topic.Partitions = topicOf(cfg), []int32{0}
	marker := kmsg.NewWriteTxnMarkersRequestMarker()
	marker.ProducerID, marker.ProducerEpoch, marker.Committed = producer, epoch, commit
	marker.Topics = append(marker.Topics, topic)
	request := kmsg.NewPtrWriteTxnMarkersRequest()
	request.Markers = append(request.Markers, marker)
	found, err := kadm.NewClient(f).ListTopics(context.WithoutCancel(t.Context()), topicOf(cfg))
	if err != nil {
		return err
	}
	response, err := f.Broker(int(found[topicOf(cfg)].Partitions[0].Leader)).Request(context.WithoutCancel(t.Context()),
		request)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(response.(*kmsg.WriteTxnMarkersResponse).Markers[0].Topics[0].Partitions[0].ErrorCode)
}

// Right behind the marker of a barrier there is the copy of an earlier marker. The earlier one is
// that of the owner's claim, or of the owner before.
func TestBarrier_isNotHiddenByACopyBehindItsMarker(t *testing.T) {
	t.Parallel()
	for name, epochsBack := range map[string]int16{"of this claim": 0, "of the claim before": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, cfg := fake(t)
			require.NoError(t, open(t, cfg).Close())
			var producer, epoch atomic.Int64
			c.ControlKey(int16(kmsg.AddPartitionsToTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				add := r.(*kmsg.AddPartitionsToTxnRequest)
				producer.Store(add.ProducerID)
				epoch.Store(int64(add.ProducerEpoch))
				return nil, nil, false
			})
			s := open(t, cfg)
			var once atomic.Bool
			c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				if !once.Swap(true) {
					c.SleepControl(func() {
						if err := doubleMarker(t, c, cfg, producer.Load(), int16(epoch.Load())-epochsBack,
							true); err != nil {
							t.Error(err)
						}
					})
				}
				return nil, nil, false
			})
			require.ErrorIs(t, errOf(counters(t, s).Update(soonEnough(t), "a", refuse)), errNoCounter)
			require.True(t, once.Load())
			require.ErrorIs(t, errOf(counters(t, s).Update(soonEnough(t), "a", refuse)), errNoCounter)
		})
	}
}

// The coordinator has answered a barrier, and makes the leader write the marker late. Appends do
// not wait for it.
func TestBarrier_withALateMarkerHoldsUpNoAppend(t *testing.T) {
	t.Parallel()
	const rounds = 9 // if the machine stands still, an append waits, too: so the median counts
	var most []time.Duration
	for range rounds {
		most = append(most, appendBesideALateMarker(t))
	}
	slices.Sort(most)
	t.Logf("an append took %s at most", most)
	require.Less(t, most[rounds/2], 500*time.Millisecond, "an owner looks for a marker for a second")
}

// appendBesideALateMarker appends while the marker of a barrier does not come. It returns the
// longest time that an append took.
func appendBesideALateMarker(t *testing.T) time.Duration {
	t.Helper()
	c, cfg := fake(t)
	s := open(t, cfg)
	_, err := s.Append(t.Context(), eventstore.To(stream("b"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
	ended := make(chan struct{})
	c.ControlKey(int16(kmsg.AddPartitionsToTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		add := r.(*kmsg.AddPartitionsToTxnRequest)
		answer := add.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
		topic := kmsg.NewAddPartitionsToTxnResponseTopic()
		topic.Topic, topic.Partitions = add.Topics[0].Topic,
			[]kmsg.AddPartitionsToTxnResponseTopicPartition{{Partition: 0}}
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
	var once sync.Once
	c.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		once.Do(func() { close(ended) })
		return r.ResponseKind(), nil, true
	})
	_, tip := readQueued(s, t.Context(), stream("a"), 1)
	told := make(chan error, 1)
	go func() { told <- tip.Await(t.Context()) }()
	<-ended
	const appends = 20
	var most time.Duration
	for i := range appends {
		began := time.Now()
		_, err := s.Append(t.Context(), eventstore.To(stream("b"), eventstore.Expected(i+1), records(1, "")...))
		require.NoError(t, err)
		most = max(most, time.Since(began))
	}
	require.NoError(t, <-told, "a batch answers it")
	return most
}

// Appends that are refused, each without a batch, do not keep a barrier from coming.
func TestBarrier_isNotStarvedByConflicts(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	s := open(t, cfg)
	_, err := s.Append(t.Context(), eventstore.To(stream("b"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var conflicts atomic.Int64
	for range 64 {
		group.Go(func() {
			for ctx.Err() == nil {
				_, _ = s.Append(ctx, eventstore.To(stream("b"), eventstore.NoStream, records(1, "")...))
				conflicts.Add(1)
			}
		})
	}
	defer group.Wait()
	defer stop()
	const refusals = 20
	var took []time.Duration
	for i := range refusals {
		began := time.Now()
		require.ErrorIs(t, errOf(counters(t, s).Update(within(t), "a"+strconv.Itoa(i), refuse)), errNoCounter)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("refusals took %s, amid %d conflicts", took, conflicts.Load())
	require.Less(t, took[refusals/2], 2*time.Second)
}

// The coordinator says that an owner is overtaken. The owner believes it, because a renewal would
// end the transaction of the other's claim.
func TestBarrier_ofAnOvertakenOwnerDisturbsNoClaim(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	former := open(t, cfg)
	open(t, cfg)
	renewals := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, When: renews, Observe: true, Count: -1})
	_, err := counters(t, former).Update(soonEnough(t), "a", refuse)
	require.NotErrorIs(t, err, errNoCounter)
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	require.Zero(t, renewals.Hits())
}

// A batch makes the owner claim again while a barrier's transaction is open. The owner ends that
// transaction first. Kafka 3.5.1 fences a producer that asks for a new term during its own
// transaction. Then the partition would be lost to nobody.
func TestBarrier_endsBeforeAnotherClaim(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	cfg.Connection.RequestTimeout = longest
	s := open(t, cfg)
	held, release := holdRequest(t, c, kmsg.EndTxn, always)
	_, tip := readQueued(s, t.Context(), stream("a"), 1)
	told := make(chan error, 1)
	go func() { told <- tip.Await(within(t)) }()
	<-held
	claims := observe(c, kmsg.InitProducerID)
	refused := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownProducerID, Count: 1})
	stored := make(chan error, 1)
	go func() {
		_, err := s.Append(within(t), eventstore.To(stream("b"), eventstore.NoStream, records(1, "")...))
		stored <- err
	}()
	require.NoError(t, refused.Wait(within(t), 1))
	require.Never(t, func() bool { return claims.Hits() > 0 }, 200*time.Millisecond, time.Millisecond)
	release()
	require.NoError(t, <-stored)
	require.ErrorIs(t, <-told, eventstore.ErrConflict, "it was asked under another term")
	require.Equal(t, 1, claims.Hits())
}
