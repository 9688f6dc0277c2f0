//go:build cluster

package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// All brokers go away while a store is open, and come back. Callers learn what they can under their
// own context. A command that is sent again is stored once. The claim survives, and the versions go
// on without a gap.
func TestAppend_whileBrokersGoAwayAndComeBack(t *testing.T) {
	c := kafkatest.ForTest(t, kafkatest.Config{Properties: map[string]string{"broker.session.timeout.ms": "3000"}})
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.Brokers(), RequestTimeout: 2 * time.Second},
		Topics:     topics.Config{Categories: []topics.Category{{Name: category, Partitions: 1}}},
		IndexDir:   t.TempDir(),
		Logger:     quiet(),
	}
	create(t, cfg)
	s := open(t, cfg)
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(2, "")...))
	require.NoError(t, err)

	for n := range 3 {
		require.NoError(t, c.Kill(n))
	}
	// The owner may be looking at the log's end, and notice before it takes the command.
	for patience := 10 * time.Second; !errors.Is(err, eventstore.ErrOutcomeUnknown); patience *= 2 {
		require.Less(t, patience, 2*time.Minute, "%v", err)
		short, cancel := context.WithTimeout(t.Context(), patience)
		_, err = s.Append(short, eventstore.To(stream("a"), 2, records(1, "command")...))
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	require.Len(t, ids(t, s, "a"), 2, "loading asks no broker")
	_, err = kafka.Open(t.Context(), kafka.Config{
		Connection: connection.Config{Brokers: c.Brokers()},
		Topics:     topics.Config{Categories: cfg.Topics.Categories},
	})
	require.ErrorContains(t, err, "is Kafka running there")

	var restarts errgroup.Group // all at once, because one alone has no quorum
	for n := range 3 {
		restarts.Go(func() error { return c.Restart(t.Context(), n) })
	}
	require.NoError(t, restarts.Wait())
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), 2, records(1, "command")...))
	require.NoError(t, err)
	r, err := s.Append(t.Context(), eventstore.To(stream("a"), 3, records(1, uuid.NewString())...))
	require.NoError(t, err)
	require.Equal(t, int64(4), r.Last())

	want := ids(t, s, "a")
	require.Len(t, want, 4)
	require.NoError(t, s.Close())
	require.Equal(t, want, ids(t, open(t, cfg), "a"))
}
