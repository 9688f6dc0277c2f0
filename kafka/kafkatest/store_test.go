package kafkatest_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// This is the test of a service that handles events. Brokers, topics, a store and the end of the
// handling take a line each.
func TestTheTestOfAService(t *testing.T) {
	t.Parallel()
	var logged kafkatest.Output
	store := kafkatest.Store(t, kafka.Config{
		Connection: connection.Config{Brokers: kafkatest.Fake(t)},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account", Partitions: 3}}},
		Logger:     slog.New(slog.NewTextHandler(&logged, nil)),
	})
	logged.Await(t, "partition=2")
	require.NotEmpty(t, logged.With("partition claimed", "partition=2"))

	var receipts []string
	sub, err := store.Subscribe(t.Context(), subscription.Config{
		Group: "receipts", Category: "Account", Concurrency: 1,
		Handler: func(_ context.Context, r eventstore.Record) error {
			receipts = append(receipts, r.AggregateID)
			return nil
		},
	})
	require.NoError(t, err)
	_, err = store.Append(t.Context(),
		eventstore.To(eventstore.Stream{Category: "Account", ID: "alice"}, eventstore.NoStream, eventstore.Record{
			Value:  []byte("an encoded event"),
			Header: event.Header{ID: "e-1", Type: "AccountCreated", Revision: 1, Timestamp: time.Unix(1, 0)},
		}))
	require.NoError(t, err)
	kafkatest.Done(t, sub)
	require.NoError(t, sub.Close())
	require.Equal(t, []string{"alice"}, receipts)
}
