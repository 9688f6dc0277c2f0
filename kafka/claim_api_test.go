package kafka_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
)

// everyClaim counts the requests that a claim makes.
func everyClaim(c *kfake.Cluster) *kfake.FaultHandle {
	return c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.EndTxn}, Observe: true, Count: -1,
	})
}

// A store that has not claimed follows the owner's appends, takes nothing from it, and says how to
// claim.
func TestClaim_comesAfterOpen(t *testing.T) {
	for name, sharing := range map[string]kafka.Sharing{
		"alone": {}, "sharing": {Advertise: "b:1", Session: 6 * time.Second, Heartbeat: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, cfg := fake(t)
			owner := open(t, cfg)
			first := records(2, "")
			_, err := owner.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, first...))
			require.NoError(t, err)

			claims := everyClaim(c)
			cfg.Sharing = sharing
			s := openReader(t, cfg)
			require.Equal(t, idsOf(first), ids(t, s, "a"), "what was there when it was opened")
			later := records(2, "")
			_, err = owner.Append(t.Context(), eventstore.To(stream("a"), 2, later...))
			require.NoError(t, err, "it has taken nothing from the owner")
			awaitVersion(t, s, "a", 4)
			require.Equal(t, idsOf(first, later), ids(t, s, "a"))
			require.False(t, s.Status()[0].Owned)

			_, err = s.Append(t.Context(), eventstore.To(stream("a"), 4, records(1, "")...))
			requireUnclaimed(t, err)
			_, tip := readQueued(s, t.Context(), stream("a"), 1)
			requireUnclaimed(t, tip.Await(t.Context()))
			require.Zero(t, claims.Hits())

			require.NoError(t, s.Claim(t.Context()))
			require.True(t, s.Status()[0].Owned)
			_, err = s.Append(t.Context(), eventstore.To(stream("a"), 4, records(1, "")...))
			require.NoError(t, err)
			_, err = owner.Append(t.Context(), eventstore.To(stream("a"), 4, records(1, "")...))
			require.ErrorIs(t, err, eventstore.ErrNotOwner)
		})
	}
}

func requireUnclaimed(t *testing.T, err error) {
	t.Helper()
	var no *kafka.NotOwnerError
	require.ErrorAs(t, err, &no)
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	require.ErrorContains(t, err, "call the store's Claim")
}

// A second claim does nothing, also if many goroutines claim at the same time.
func TestClaim_mayBeRepeated(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	claims := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Observe: true, Count: -1})
	s := openReader(t, cfg)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := s.Claim(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.NoError(t, s.Claim(t.Context()))
	require.Equal(t, int64(1), int64(claims.Hits()))
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Claim(t.Context()), eventstore.ErrClosed)
}

// A claim that fails gives up the partitions that it got, and may be made again.
func TestClaim_thatFailsOwnsNothing(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	cfg.Topics.Categories[0].Partitions, cfg.Topics.Prefix = 3, "three"
	create(t, cfg)
	s := openReader(t, cfg)
	id := kafka.DefaultTransactionalIDPrefix + ".three.account.events.2"
	refusing := c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.TransactionalIDAuthorizationFailed, Count: -1,
		When: func(r kmsg.Request) bool { return *r.(*kmsg.InitProducerIDRequest).TransactionalID == id },
	})
	require.ErrorIs(t, s.Claim(t.Context()), connection.ErrPermission)
	for _, p := range s.Status() {
		require.False(t, p.Owned, "partition %d", p.Partition)
		require.NoError(t, p.Err)
	}
	refusing.Remove()
	require.NoError(t, s.Claim(t.Context()))
	for _, p := range s.Status() {
		require.True(t, p.Owned, "partition %d", p.Partition)
	}
}

// A claim waits for the coordinator. It ends when the caller's context ends or the store is closed.
func TestClaim_endsWithItsContextOrTheStore(t *testing.T) {
	for name, how := range map[string]struct {
		end  func(context.CancelFunc, *kafka.Store) error
		want error
	}{
		"context": {func(cancel context.CancelFunc, _ *kafka.Store) error { cancel(); return nil }, context.Canceled},
		"store":   {func(_ context.CancelFunc, s *kafka.Store) error { return s.Close() }, eventstore.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, sharing := range []kafka.Sharing{{}, {Advertise: "a:1"}} {
				c, cfg := fake(t)
				cfg.Sharing = sharing
				s := openReader(t, cfg)
				asked := make(chan struct{})
				ask := sync.OnceFunc(func() { close(asked) })
				c.ControlKey(int16(kmsg.InitProducerID), func(r kmsg.Request) (kmsg.Response, error, bool) {
					c.KeepControl()
					ask()
					response := r.ResponseKind().(*kmsg.InitProducerIDResponse)
					response.ErrorCode = kerr.CoordinatorLoadInProgress.Code
					return response, nil, true
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- s.Claim(ctx) }()
				<-asked
				require.NoError(t, how.end(cancel, s))
				err := <-ended
				require.True(t, errors.Is(err, how.want), "%v", err)
				if !errors.Is(err, eventstore.ErrClosed) {
					require.Empty(t, ids(t, s, "a"), "it follows")
				}
			}
		})
	}
}
