package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// The category of the tests, in a topic of one partition: every stream is in it.
const (
	category = "Account"
	topic    = "billing.account.events"
)

// fake starts three brokers in this process, with the topics made.
func fake(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(3))...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.ListenAddrs()},
		Topics:     topics.Config{Categories: []topics.Category{{Name: category, Partitions: 1}}},
		Logger:     quiet(),
	}
	kafkatest.Topics(t, cfg)
	return c, cfg
}

func create(t testing.TB, cfg kafka.Config) {
	t.Helper()
	kafkatest.Topics(t, cfg)
}

// topicOf returns the topic of the category.
func topicOf(cfg kafka.Config) string {
	if cfg.Topics.Prefix == "" {
		return topic
	}
	return cfg.Topics.Prefix + ".account.events"
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// open opens a store that has claimed.
func open(t testing.TB, cfg kafka.Config) *kafka.Store {
	t.Helper()
	s := openReader(t, cfg)
	require.NoError(t, s.Claim(t.Context()))
	return s
}

// openReader opens a store that claims nothing.
func openReader(t testing.TB, cfg kafka.Config) *kafka.Store {
	t.Helper()
	s, err := kafka.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// claimed opens a store and claims, for tests that expect either to fail, or end it.
func claimed(ctx context.Context, cfg kafka.Config) (*kafka.Store, error) {
	s, err := kafka.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.Claim(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func stream(id string) eventstore.Stream { return eventstore.Stream{Category: category, ID: id} }

// records returns n records of a commit, with the command id given if it is not empty.
func records(n int, commandID string) []eventstore.Record {
	rs := make([]eventstore.Record, n)
	for i := range rs {
		rs[i] = eventstore.Record{Value: []byte("value"), Header: event.Header{
			ID: uuid.NewString(), Type: "Happened", Revision: 1, CommandID: commandID,
			Timestamp: time.Date(2026, 1, 2, 3, 4, 5, i, time.UTC),
		}}
	}
	return rs
}

// ids returns the event ids of the stream, in version order, and fails if the versions have gaps.
func ids(t testing.TB, s eventstore.Store, id string) []string {
	t.Helper()
	var found []string
	for r, err := range s.ReadStream(t.Context(), stream(id), 1) {
		require.NoError(t, err)
		require.Equal(t, int64(len(found)+1), r.AggregateVersion)
		found = append(found, r.ID)
	}
	return found
}

func idsOf(commits ...[]eventstore.Record) []string {
	var all []string
	for _, r := range slices.Concat(commits...) {
		all = append(all, r.ID)
	}
	return all
}

func named(prefix string, i int) string { return fmt.Sprintf("%s-%d", prefix, i) }
