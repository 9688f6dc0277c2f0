package kafka_test

import (
	"context"
	"errors"
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

// A broker answers a produce with an error. The commit is stored once for any error, and the next
// append finds the stream exact.
func TestAppend_survivesAnswersOfBrokers(t *testing.T) {
	for _, err := range []*kerr.Error{
		kerr.NotLeaderForPartition,
		kerr.NotEnoughReplicas,
		kerr.NotEnoughReplicasAfterAppend, // the fake brokers store the batch and answer this then
		kerr.RequestTimedOut,              // the same
		kerr.UnknownTopicOrPartition,
		kerr.LeaderNotAvailable,
		kerr.KafkaStorageError,
		kerr.OutOfOrderSequenceNumber,
		kerr.UnknownProducerID,
		kerr.InvalidProducerIDMapping,
		kerr.DuplicateSequenceNumber,
	} {
		t.Run(err.Message, func(t *testing.T) {
			c, cfg := fake(t)
			s := open(t, cfg)
			before, hit, after := records(1, ""), records(3, ""), records(1, "")
			_, e := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, before...))
			require.NoError(t, e)

			fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: 2})
			r, e := s.Append(t.Context(), eventstore.To(stream("a"), 1, hit...))
			require.NoError(t, e)
			require.Equal(t, int64(4), r.Last())
			require.NotZero(t, fault.Hits())
			fault.Remove()

			_, e = s.Append(t.Context(), eventstore.To(stream("a"), 4, after...))
			require.NoError(t, e)
			want := idsOf(before, hit, after)
			require.Equal(t, want, ids(t, s, "a"))
			require.NoError(t, s.Close())
			require.Equal(t, want, ids(t, open(t, cfg), "a"), "as another process reads it")
			require.Zero(t, s.Skipped())
		})
	}
}

// A claim waits as long as brokers start, move or restart.
func TestClaim_survivesAnswersOfCoordinators(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.EndTxn} {
		for _, err := range []*kerr.Error{
			kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable,
			kerr.NotCoordinator,
		} {
			t.Run(key.Name()+" "+err.Message, func(t *testing.T) {
				c, cfg := fake(t)
				fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: err, Count: 2})
				s := open(t, cfg)
				require.Equal(t, 2, fault.Hits())
				_, e := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
				require.NoError(t, e)
			})
		}
	}
}

// A claim is interrupted by the owner of before, whose renewal is refused. The store claims again,
// but not for ever.
func TestClaim_interruptedIsMadeAgain(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.AddPartitionsToTxn, kmsg.EndTxn} {
		t.Run(key.Name(), func(t *testing.T) {
			t.Parallel()
			c, cfg := fake(t)
			fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: kerr.ProducerFenced, Count: 1})
			s := open(t, cfg)
			require.Equal(t, 1, fault.Hits())
			_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
			require.NoError(t, err)
			require.NoError(t, s.Close())

			c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: kerr.ProducerFenced, Count: -1})
			_, err = claimed(t.Context(), cfg)
			require.ErrorIs(t, err, eventstore.ErrNotOwner)
		})
	}
}

// A coordinator stores the renewal of a claim, the answer is lost, and the coordinator restarts.
// Then it has forgotten the term before, and refuses the only owner there is. The log shows that
// nobody else has claimed.
func TestClaim_survivesARenewalWithoutAnswer(t *testing.T) {
	c, cfg := fake(t)
	s := open(t, cfg)
	lost, refused := loseARenewal(c)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownProducerID})
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
	require.True(t, lost.Load())
	require.True(t, refused.Load())
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), 1, records(1, "")...))
	require.NoError(t, err)
	require.Zero(t, s.Skipped())
}

// The same, but another store has claimed meanwhile. The log shows it, and the claim is lost.
func TestClaim_isNotTakenBackByARenewalWithoutAnswer(t *testing.T) {
	c, cfg := fake(t)
	s := open(t, cfg)
	winners := overtake(t, c, cfg)
	loseARenewal(c)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownProducerID})
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	_, err = (<-winners).Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
}

// loseARenewal makes the brokers leave the first renewal from now on without an answer, and refuse
// the second one.
func loseARenewal(c *kfake.Cluster) (lost, refused *atomic.Bool) {
	lost, refused = new(atomic.Bool), new(atomic.Bool)
	c.ControlKey(int16(kmsg.InitProducerID), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		init := r.(*kmsg.InitProducerIDRequest)
		switch {
		case init.ProducerID < 0:
		case !lost.Swap(true):
			return nil, errors.New("the connection is lost"), true
		case !refused.Swap(true):
			answer := init.ResponseKind().(*kmsg.InitProducerIDResponse)
			answer.ErrorCode = kerr.ProducerFenced.Code
			return answer, nil, true
		}
		return nil, nil, false
	})
	return lost, refused
}

func TestAppend_refusedSaysWhyAndStoresNothing(t *testing.T) {
	c, cfg := fake(t)
	s := open(t, cfg)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed})
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	var refused *kafka.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, topic, refused.Topic)
	require.ErrorContains(t, err, "not authorized")

	later := records(1, "")
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, later...))
	require.NoError(t, err)
	require.Equal(t, idsOf(later), ids(t, s, "a"))
}

// A refusal after an attempt with an unknown outcome proves nothing: the log decides.
func TestAppend_refusedAfterLandingIsDecidedByTheLog(t *testing.T) {
	c, cfg := fake(t)
	s := open(t, cfg)
	c.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut}, // stored all the same
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed},
	)
	landed := records(2, "")
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, landed...))
	require.NoError(t, err)
	require.Equal(t, idsOf(landed), ids(t, s, "a"))
}

// The batch landed, its answer was lost, and meanwhile another process took the partition over. The
// commit counts, as it is before the other's marker, and its caller is told so.
func TestAppend_landedBeforeATakeoverIsAcknowledged(t *testing.T) {
	c, cfg := fake(t)
	s := open(t, cfg)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut}) // stored all the same
	var taken *kafka.Store
	attempts := 0
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if attempts++; attempts == 2 {
			c.SleepControl(func() { taken = open(t, cfg) })
		}
		return nil, nil, false
	})
	landed := records(2, "")
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, landed...))
	require.NoError(t, err)
	require.NotNil(t, taken)
	require.Equal(t, idsOf(landed), ids(t, taken, "a"))

	_, err = s.Append(t.Context(), eventstore.To(stream("a"), 2, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
}

// If a caller leaves while its commit is under way, it is told that the outcome is unknown. If it
// leaves while it waits, it is told that nothing was appended. In both cases it is safe to retry
// with the same command id.
func TestAppend_ofCallersWhoLeave(t *testing.T) {
	c, cfg := fake(t)
	s := open(t, cfg)
	reached, release := make(chan struct{}), make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		close(reached)
		c.SleepControl(func() { <-release })
		return nil, nil, false
	})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := s.Append(ctx, eventstore.To(stream("a"), eventstore.Any, records(1, "flying")...))
		left <- err
	}()
	<-reached
	cancel()
	err := <-left
	require.ErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	require.ErrorIs(t, err, context.Canceled)

	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond) // no batch can take it meanwhile
	defer cancel()
	_, err = s.Append(ctx, eventstore.To(stream("a"), eventstore.Any, records(1, "waiting")...))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	close(release)

	r, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "flying")...))
	require.NoError(t, err)
	require.True(t, r.Repeated, "the first one has landed")
	r, err = s.Append(t.Context(), eventstore.To(stream("a"), 1, records(1, "waiting")...))
	require.NoError(t, err)
	require.False(t, r.Repeated, "the first one was withdrawn")
}
