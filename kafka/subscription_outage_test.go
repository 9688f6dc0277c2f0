package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
)

// Brokers do not answer, and a handler that appends has its own time-out. The event becomes no dead
// letter, neither if its commit waits nor if it is on its way.
func TestSubscription_commitThatWaitsTooLongMakesNoDeadLetter(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	held, release := holdRequest(t, c, kmsg.Produce, always)
	attempt := func(id string, patience time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err := s.Append(ctx, eventstore.To(stream(id), eventstore.Any, records(1, "")...))
		return err
	}
	const patience = 50 * time.Millisecond
	flying := attempt("flying", patience)
	// on a busy machine the commit was not on its way yet
	for more := patience; !errors.Is(flying, eventstore.ErrOutcomeUnknown); {
		require.ErrorIs(t, flying, context.DeadlineExceeded)
		more *= 2
		flying = attempt("flying", more)
	}
	<-held
	require.ErrorIs(t, flying, context.DeadlineExceeded)
	require.Equal(t, subscription.RetryForever, kafka.Classify(flying))
	waiting := attempt("waiting", patience)
	require.ErrorIs(t, waiting, context.DeadlineExceeded)
	require.NotErrorIs(t, waiting, eventstore.ErrOutcomeUnknown)
	require.Equal(t, subscription.RetryForever, kafka.Classify(waiting))
	release()
	require.Equal(t, subscription.RetryThenDeadLetter, kafka.Classify(context.DeadlineExceeded),
		"of whatever else the handler does")
}
