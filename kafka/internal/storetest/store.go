package storetest

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// The category of the tests, in a topic of one partition: every stream is in it.
const (
	Category = "Account"
	Topic    = topics.DefaultPrefix + ".account.events"
)

// Fake starts three brokers in this process, and makes the topics on them.
func Fake(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(3))...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.ListenAddrs()},
		Topics:     topics.Config{Categories: []topics.Category{{Name: Category, Partitions: 1}}},
		Logger:     Quiet(),
	}
	kafkatest.Topics(t, cfg)
	return c, cfg
}

// Real returns a configuration for real brokers, over new topics, which it makes.
func Real(t testing.TB, brokers []string, partitions int32) kafka.Config {
	t.Helper()
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: brokers},
		Topics: topics.Config{
			Prefix:     "test-" + uuid.NewString()[:8],
			Categories: []topics.Category{{Name: Category, Partitions: partitions}},
		},
		Logger: Quiet(),
	}
	kafkatest.Topics(t, cfg)
	return cfg
}

// Quiet returns a logger that logs nothing.
func Quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Open opens a store that has claimed.
func Open(t testing.TB, cfg kafka.Config) *kafka.Store {
	t.Helper()
	s := OpenReader(t, cfg)
	require.NoError(t, s.Claim(t.Context()))
	return s
}

// OpenReader opens a store that claims nothing.
func OpenReader(t testing.TB, cfg kafka.Config) *kafka.Store {
	t.Helper()
	s, err := kafka.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Claimed opens a store and claims, for tests that expect either to fail, or end it.
func Claimed(ctx context.Context, cfg kafka.Config) (*kafka.Store, error) {
	s, err := kafka.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.Claim(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Eventually waits much longer than anything should take: machines are busy.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, 2*time.Minute, 5*time.Millisecond, what)
}

// VerifyMain runs the tests, and fails if one of them leaves a goroutine that is not known to stay.
func VerifyMain(m goleak.TestingM) {
	goleak.VerifyTestMain(
		m,
		// Sarama's, once a process.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		// The fake brokers', if they are closed while a control function sleeps: its end takes a
		// lock that only their loop gives back, which waits for it, or is gone.
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*Cluster).run"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*Cluster).runControl.func1"),
	)
}
