package kafka_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// steps are the requests of a barrier.
func steps() []kmsg.Key { return []kmsg.Key{kmsg.AddPartitionsToTxn, kmsg.EndTxn} }

// within returns a context for a call that must succeed, and that takes no time as a rule.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// requireUndisturbed checks that the store owns its partition as before.
func requireUndisturbed(t testing.TB, c *kfake.Cluster, s *kafka.Store, claims *kfake.FaultHandle) {
	t.Helper()
	require.Zero(t, claims.Hits(), "no claim was made again")
	require.NoError(t, errOf(counters(t, s).Update(within(t), "undisturbed", count)))
	require.Zero(t, s.Skipped())
}

func observe(c *kfake.Cluster, keys ...kmsg.Key) *kfake.FaultHandle {
	return c.Fault(kfake.Fault{Keys: keys, Observe: true, Count: -1})
}

// A coordinator answers to a barrier while it loads, moves or is away. Its answers do not matter:
// the refusal is told in the end, and the claim stays.
func TestBarrier_survivesCoordinators(t *testing.T) {
	t.Parallel()
	for _, key := range steps() {
		for _, answer := range []*kerr.Error{
			kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable,
			kerr.NotCoordinator,
		} {
			t.Run(key.Name()+" "+answer.Message, func(t *testing.T) {
				t.Parallel()
				c, cfg := fake(t)
				s := open(t, cfg)
				claims := observe(c, kmsg.InitProducerID)
				fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: answer, Count: 2})
				require.ErrorIs(t, errOf(counters(t, s).Update(within(t), "a", refuse)), errNoCounter)
				require.Equal(t, 2, fault.Hits())
				requireUndisturbed(t, c, s, claims)
			})
		}
	}
}

// The answers to a barrier's requests are lost, also if the coordinator has done what they ask for.
func TestBarrier_survivesLostAnswers(t *testing.T) {
	t.Parallel()
	for _, key := range steps() {
		for _, done := range []bool{false, true} {
			t.Run(key.Name(), func(t *testing.T) {
				t.Parallel()
				c, cfg := fake(t)
				s := open(t, cfg)
				claims := observe(c, kmsg.InitProducerID)
				lost := loseAnswer(c, key, done)
				require.ErrorIs(t, errOf(counters(t, s).Update(within(t), "a", refuse)), errNoCounter)
				require.True(t, lost.Load())
				if key == kmsg.AddPartitionsToTxn && !done { // the owner renews its claim, as the request may come late
					require.NoError(t, claims.Wait(within(t), 1))
					require.NoError(t, errOf(counters(t, s).Update(within(t), "undisturbed", count)))
					require.Zero(t, s.Skipped())
					return
				}
				requireUndisturbed(t, c, s, claims)
			})
		}
	}
}

// loseAnswer makes the next request of the key lose its answer. If done is true, the broker does
// what the request asks for, and otherwise not.
func loseAnswer(c *kfake.Cluster, key kmsg.Key, done bool) *atomic.Bool {
	lost := new(atomic.Bool)
	if done { // the fake does it and says so
		c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: kerr.RequestTimedOut, Count: 1, When: func(kmsg.Request) bool {
			return !lost.Swap(true)
		}})
		return lost
	}
	c.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		lost.Store(true)
		return nil, errors.New("the connection is lost"), true
	})
	return lost
}

// A caller that leaves ends no barrier. Otherwise the barrier's transaction would be aborted under
// an epoch that fences the owner.
func TestBarrier_isNotEndedByACallerWhoLeaves(t *testing.T) {
	t.Parallel()
	for _, key := range steps() {
		t.Run(key.Name(), func(t *testing.T) {
			t.Parallel()
			c, cfg := fake(t)
			cfg.Connection.RequestTimeout = longest
			s := open(t, cfg)
			claims, ends := observe(c, kmsg.InitProducerID), observe(c, kmsg.EndTxn)
			held, release := holdRequest(t, c, key, always)
			ctx, leave := context.WithCancel(t.Context())
			told := make(chan error, 1)
			go func() { told <- errOf(counters(t, s).Update(ctx, "a", refuse)) }()
			<-held
			leave()
			err := <-told
			require.ErrorIs(t, err, context.Canceled)
			require.NotErrorIs(t, err, errNoCounter)
			var away interface{ Unavailable() bool }
			require.ErrorAs(t, err, &away)
			require.True(t, away.Unavailable())
			release()
			require.NoError(t, ends.Wait(within(t), 1), "it is ended all the same")
			requireUndisturbed(t, c, s, claims)
		})
	}
}

// Appends do not wait for a barrier. A batch that begins while a barrier is under way answers those
// who wait for the barrier.
func TestBarrier_isAnsweredByABatch(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	cfg.Connection.RequestTimeout = longest
	s := open(t, cfg)
	claims := observe(c, kmsg.InitProducerID)
	// the fake brokers accept no batch during a transaction; real brokers do
	held, release := holdRequest(t, c, kmsg.AddPartitionsToTxn, always)
	r := counters(t, s)
	told := make(chan error, 1)
	go func() { told <- errOf(r.Update(within(t), "a", refuse)) }()
	<-held
	require.NoError(t, errOf(r.Update(within(t), "b", count)))
	require.ErrorIs(t, <-told, errNoCounter)
	release()
	requireUndisturbed(t, c, s, claims)
}

// A caller who asks while a barrier is under way waits for the next one. All such callers wait for
// the same one.
func TestBarrier_underWayProvesNothing(t *testing.T) {
	t.Parallel()
	const callers = 50
	c, cfg := fake(t)
	cfg.Connection.RequestTimeout = longest
	s := open(t, cfg)
	claims := observe(c, kmsg.InitProducerID)
	ends := observe(c, kmsg.EndTxn)
	held, release := holdRequest(t, c, kmsg.EndTxn, always)
	r := counters(t, s)
	ask := func() <-chan error {
		told := make(chan error, 1)
		go func() { told <- errOf(r.Update(within(t), "a", refuse)) }()
		return told
	}
	first := ask()
	<-held
	var tips []queuedTip
	for range callers {
		_, tip := readQueued(s, within(t), stream("a"), 1)
		tips = append(tips, tip)
	}
	var group sync.WaitGroup
	for _, tip := range tips {
		group.Go(func() {
			if err := tip.Await(within(t)); err != nil {
				t.Error(err)
			}
		})
	}
	release()
	require.ErrorIs(t, <-first, errNoCounter)
	group.Wait()
	require.Equal(t, 2, ends.Hits(), "one for the first, one for all others")
	requireUndisturbed(t, c, s, claims)
}

// If the coordinator refuses barriers, nobody is told a refusal, and nobody waits for one.
func TestBarrier_withoutPermissionTellsNoRefusal(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	fault := c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.AddPartitionsToTxn, kmsg.InitProducerID}, Err: kerr.TransactionalIDAuthorizationFailed,
		Count: -1,
	})
	r := counters(t, s)
	_, err := r.Update(within(t), "a", refuse)
	require.NotErrorIs(t, err, errNoCounter)
	require.NotErrorIs(t, err, context.DeadlineExceeded)
	var away interface{ Unavailable() bool }
	require.ErrorAs(t, err, &away)
	require.True(t, away.Unavailable())
	require.ErrorContains(t, err, "no permission for Write on transactional id")
	require.NoError(t, errOf(r.Update(within(t), "a", count)), "appends need no barrier")
	fault.Remove()
	require.NoError(t, errOf(r.Update(within(t), "a", refuse)))
}

// A decision refuses while a renewal is under way. The renewal takes the barrier's place.
func TestBarrier_isReplacedByARenewal(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	cfg.Connection.RequestTimeout, cfg.ClaimRenewal = longest, 50*time.Millisecond
	s := open(t, cfg)
	for _, key := range []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.EndTxn} {
		held, release := holdRequest(t, c, key, always)
		<-held
		told := make(chan error, 1)
		go func() { told <- errOf(counters(t, s).Update(within(t), "a", refuse)) }()
		release()
		require.ErrorIs(t, <-told, errNoCounter)
	}
	require.Zero(t, s.Skipped())
}

// The store asks no broker whether a command was applied.
func TestBarrier_isNotNeededByARepetition(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "once")...))
	require.NoError(t, err)
	requests := observe(c, kmsg.AddPartitionsToTxn, kmsg.EndTxn, kmsg.Produce)
	_, tip := readQueued(s, t.Context(), stream("a"), 1)
	require.NoError(t, tip.Stored(t.Context()))
	require.Zero(t, requests.Hits())
	require.NoError(t, tip.Await(t.Context()))
	require.Equal(t, 2, requests.Hits())
}

// The request that begins a barrier's transaction is lost with its connection, and sent again. Its
// first copy comes when the barrier is over. It begins nothing: nobody would end that transaction,
// and its abort would fence the owner.
func TestBarrier_lateCopyIsHarmless(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	renewed := observe(c, kmsg.InitProducerID)
	var late *kmsg.AddPartitionsToTxnRequest
	c.ControlKey(int16(kmsg.AddPartitionsToTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		late = r.(*kmsg.AddPartitionsToTxnRequest)
		return nil, errors.New("the connection is lost"), true
	})
	require.ErrorIs(t, errOf(counters(t, s).Update(within(t), "a", refuse)), errNoCounter)
	require.NoError(t, renewed.Wait(within(t), 1))
	require.NoError(t, errOf(counters(t, s).Update(within(t), "a", count)))
	require.NoError(t, errOf(counters(t, s).Update(within(t), "a", refuse)), "the renewal is over")

	late.Version = 3
	answer, err := late.RequestWith(within(t), foreigner(t, cfg))
	require.NoError(t, err)
	require.Error(t, kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode))
	require.NoError(t, errOf(counters(t, s).Update(within(t), "a", count)))
}
