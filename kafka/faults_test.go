package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// Whatever a broker answers to a produce, the commit is stored once, and the next append finds the stream exact.
func TestAppendSurvivesAnswersOfBrokers(t *testing.T) {
	for _, err := range []*kerr.Error{
		kerr.NotLeaderForPartition,
		kerr.NotEnoughReplicas,
		kerr.NotEnoughReplicasAfterAppend, // the fake stores the batch and then says so
		kerr.RequestTimedOut,              // likewise
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
			_, e := s.Append(t.Context(), stream("a"), eventstore.NoStream, before...)
			require.NoError(t, e)

			fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: 2})
			r, e := s.Append(t.Context(), stream("a"), 1, hit...)
			require.NoError(t, e)
			require.Equal(t, int64(4), r.Last)
			require.NotZero(t, fault.Hits())
			fault.Remove()

			_, e = s.Append(t.Context(), stream("a"), 4, after...)
			require.NoError(t, e)
			want := idsOf(before, hit, after)
			require.Equal(t, want, ids(t, s, "a"))
			require.NoError(t, s.Close())
			require.Equal(t, want, ids(t, open(t, cfg), "a"), "as another process reads it")
			require.Zero(t, s.Skipped())
		})
	}
}

// The answers that a claim gets while brokers start, move or restart are waited out.
func TestClaimSurvivesAnswersOfCoordinators(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.EndTxn} {
		for _, err := range []*kerr.Error{
			kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator,
		} {
			t.Run(key.Name()+" "+err.Message, func(t *testing.T) {
				c, cfg := fake(t)
				fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: err, Count: 2})
				s := open(t, cfg)
				require.Equal(t, 2, fault.Hits())
				_, e := s.Append(t.Context(), stream("a"), eventstore.NoStream, records(1, "")...)
				require.NoError(t, e)
			})
		}
	}
}

func TestRefusedCommitSaysWhyAndStoresNothing(t *testing.T) {
	c, cfg := fake(t)
	s := open(t, cfg)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed})
	_, err := s.Append(t.Context(), stream("a"), eventstore.NoStream, records(1, "")...)
	var refused *kafka.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, topic, refused.Topic)
	require.ErrorContains(t, err, "not authorized")

	later := records(1, "")
	_, err = s.Append(t.Context(), stream("a"), eventstore.NoStream, later...)
	require.NoError(t, err)
	require.Equal(t, idsOf(later), ids(t, s, "a"))
}

// A refusal that follows an attempt of unknown outcome proves nothing: the log decides.
func TestRefusalAfterLandingIsDecidedByTheLog(t *testing.T) {
	c, cfg := fake(t)
	s := open(t, cfg)
	c.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut}, // stored all the same
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed},
	)
	landed := records(2, "")
	_, err := s.Append(t.Context(), stream("a"), eventstore.NoStream, landed...)
	require.NoError(t, err)
	require.Equal(t, idsOf(landed), ids(t, s, "a"))
}

// The batch landed, the answer was lost, and meanwhile another process took the partition over: the commit
// counts, as it stands before the other's marker, and its caller is told so.
func TestCommitThatLandedBeforeATakeoverIsAcknowledged(t *testing.T) {
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
	_, err := s.Append(t.Context(), stream("a"), eventstore.NoStream, landed...)
	require.NoError(t, err)
	require.NotNil(t, taken)
	require.Equal(t, idsOf(landed), ids(t, taken, "a"))

	_, err = s.Append(t.Context(), stream("a"), 2, records(1, "")...)
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
}

// A caller that leaves while its commit is under way is told that the outcome is unknown; one that leaves while it
// waits, that nothing was appended. Retrying with the same command id is safe in both cases.
func TestCallersWhoLeave(t *testing.T) {
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
		_, err := s.Append(ctx, stream("a"), eventstore.Any, records(1, "flying")...)
		left <- err
	}()
	<-reached
	cancel()
	err := <-left
	require.ErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	require.ErrorIs(t, err, context.Canceled)

	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond) // it cannot be taken meanwhile
	defer cancel()
	_, err = s.Append(ctx, stream("a"), eventstore.Any, records(1, "waiting")...)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	close(release)

	r, err := s.Append(t.Context(), stream("a"), eventstore.NoStream, records(1, "flying")...)
	require.NoError(t, err)
	require.True(t, r.Repeated, "the first one has landed")
	r, err = s.Append(t.Context(), stream("a"), 1, records(1, "waiting")...)
	require.NoError(t, err)
	require.False(t, r.Repeated, "the first one was withdrawn")
}
