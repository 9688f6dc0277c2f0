package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
)

// The store takes a claim again by itself if it has lost it to nobody, for any fault of the
// brokers. All that callers are told meanwhile is true.
func TestClaim_lostToNobodyIsMadeAgain(t *testing.T) {
	type claimRequest = kmsg.AddPartitionsToTxnRequest
	for name, disturb := range map[string]func(*testing.T, *kfake.Cluster, kafka.Config, *claimRequest){
		"a claim's first request is taken late": func(
			t *testing.T, _ *kfake.Cluster, cfg kafka.Config, _ *claimRequest,
		) {
			late(t, cfg)
		},
		"a claim's transaction is opened late, and aborted": func(
			t *testing.T, _ *kfake.Cluster, cfg kafka.Config, claim *claimRequest,
		) {
			add := kmsg.NewPtrAddPartitionsToTxnRequest()
			add.TransactionalID, add.ProducerID, add.ProducerEpoch = transactionalID(), claim.ProducerID,
				claim.ProducerEpoch
			add.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: topic, Partitions: []int32{0}}}
			_, err := add.RequestWith(t.Context(), foreigner(t, cfg))
			require.NoError(t, err)
			late(t, cfg) // the coordinator does so when the transaction has been open for a minute
		},
		"claiming again is refused": func(_ *testing.T, c *kfake.Cluster, _ kafka.Config, _ *claimRequest) {
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownProducerID})
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.TransactionalIDAuthorizationFailed})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, cfg := fake(t)
			claim := lastTerm(c)
			var h heard
			cfg.Hooks = h.hooks()
			s := open(t, cfg)
			first := records(1, "")
			_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, first...))
			require.NoError(t, err)
			disturb(t, c, cfg, claim)

			_, err = s.Append(t.Context(), eventstore.To(stream("a"), 1, records(1, "disturbed")...))
			require.True(t, errors.Is(err, eventstore.ErrNotOwner) || errors.Is(err, eventstore.ErrOutcomeUnknown),
				"%v", err)
			r := appendWhenOwned(t, s, "a", "disturbed")
			require.Equal(t, int64(2), r.Last())
			require.Len(t, ids(t, s, "a"), 2)
			require.True(t, s.Status()[0].Owned)
			require.Zero(t, s.Skipped())
			h.mu.Lock()
			defer h.mu.Unlock()
			require.Len(t, h.lost, 1)
			require.Len(t, h.claimed, 2)
		})
	}
}

// late makes the coordinator carry out a request of a claim that was answered, or given up, long
// ago.
func late(t *testing.T, cfg kafka.Config) {
	t.Helper()
	init := kmsg.NewPtrInitProducerIDRequest()
	id := transactionalID()
	init.TransactionalID, init.TransactionTimeoutMillis = &id, 60_000
	init.ProducerID, init.ProducerEpoch = -1, -1
	answer, err := init.RequestWith(t.Context(), foreigner(t, cfg))
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(answer.ErrorCode))
}

func transactionalID() string {
	return fmt.Sprintf("%s.%s.0", kafka.DefaultTransactionalIDPrefix, topic)
}

// appendWhenOwned appends one record by a command, and tries again until the store owns the
// partition.
func appendWhenOwned(t testing.TB, s *kafka.Store, id, command string) eventstore.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		r, err := s.Append(ctx, eventstore.To(stream(id), eventstore.Any, records(1, command)...))
		if err == nil {
			return r
		}
		require.True(t, errors.Is(err, eventstore.ErrNotOwner) || errors.Is(err, eventstore.ErrOutcomeUnknown), "%v",
			err)
		require.NoError(t, clock.Wait(ctx, 5*time.Millisecond))
	}
}

// The coordinator forgets a transactional id that was not used for a week. Nothing is lost then,
// either. The owner notices when it renews its claim, and the log shows that nobody else has
// claimed.
func TestClaim_survivesACoordinatorThatForgot(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	var h heard
	cfg.Hooks = h.hooks()
	cfg.ClaimRenewal = 20 * time.Millisecond
	forgot := c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.InvalidProducerIDMapping,
		When: renews,
	})
	s := open(t, cfg)
	for i := 0; forgot.Hits() == 0 || i < 20; i++ {
		_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Expected(i), records(1, "")...))
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	require.Empty(t, h.lost)
	require.Zero(t, s.Skipped())
}

// renews reports whether the request is for the renewal of a claim.
func renews(r kmsg.Request) bool { return r.(*kmsg.InitProducerIDRequest).ProducerID >= 0 }

// The same, but another store has claimed meanwhile.
func TestClaim_isNotGivenBackByACoordinatorThatForgot(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	loser := open(t, cfg)
	winners := overtake(t, c, cfg)
	c.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownProducerID},
		kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.InvalidProducerIDMapping, When: renews},
	)
	_, err := loser.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	requireFollows(t, c, loser, <-winners)
}

// overtake makes another store take the partition over during the next batch. An idle owner may
// notice by itself, and then sends no batch.
func overtake(t testing.TB, c *kfake.Cluster, cfg kafka.Config) <-chan *kafka.Store {
	t.Helper()
	winners := make(chan *kafka.Store, 1)
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		c.SleepControl(func() { winners <- open(t, cfg) })
		return nil, nil, false
	})
	return winners
}

// A store that lost the partition to another one leaves the partition to it, and follows.
func TestClaim_lostToSomebodyIsFollowed(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	loser := open(t, cfg)
	winner := open(t, cfg)
	_, err := loser.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	requireFollows(t, c, loser, winner)
}

// requireFollows checks that the loser reads what the winner appends, and claims nothing.
func requireFollows(t testing.TB, c *kfake.Cluster, loser, winner *kafka.Store) {
	t.Helper()
	claims := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Observe: true, Count: -1})
	defer claims.Remove()
	for range 3 {
		r, err := winner.Append(t.Context(), eventstore.To(stream("followed"), eventstore.Any, records(1, "")...))
		require.NoError(t, err)
		awaitVersion(t, loser, "followed", r.Last())
	}
	require.False(t, loser.Status()[0].Owned)
	require.Zero(t, claims.Hits())
}

// The loser claims again, and has looked at the log. Then another store claims the partition. The
// coordinator gives the loser a newer term than the winner's, and the loser does not ask for its
// marker.
func TestClaim_againTakesFromNobody(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	loser := open(t, cfg)
	late(t, cfg)
	var held atomic.Bool
	winners := make(chan *kafka.Store, 1)
	c.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !held.Swap(true) {
			c.SleepControl(func() { winners <- open(t, cfg) })
		}
		return nil, nil, false
	})
	_, err := loser.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	winner := <-winners
	// this waits until the loser has tried
	_, err = loser.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	// the fake brokers fence at once, and not by the marker; so the winner claims again, too
	appendWhenOwned(t, winner, "a", "command")
	requireFollows(t, c, loser, winner)
}

// If brokers refuse a batch under one claim after another, the owner gives up that batch, and
// nothing else.
func TestClaim_isNotEndedByOneBatchThatIsGivenUp(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	refusing := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.OutOfOrderSequenceNumber, Count: -1})
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.ErrorContains(t, err, "again and again")
	require.NotErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	require.NotErrorIs(t, err, eventstore.ErrNotOwner)
	refusing.Remove()
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
}
