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

// The category of the tests. Its topic has one partition, so every stream is in it.
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

// Real makes new topics on real brokers, and returns a configuration for them.
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

// Claimed opens a store and claims. It is for tests that expect one of the two to fail, or that
// close the store themselves.
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

// Eventually waits much longer than anything should take, as machines may be busy.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, 2*time.Minute, 5*time.Millisecond, what)
}

// VerifyMain runs the tests. It fails if one of them leaves a goroutine that is not known to stay.
func VerifyMain(m goleak.TestingM) {
	goleak.VerifyTestMain(
		m,
		// Sarama starts it once in a process.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		// The fake brokers leave these if they are closed while a control function sleeps. The end
		// of that function needs a lock that only their loop gives back. The loop waits for the
		// function, or is gone.
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*Cluster).run"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*Cluster).runControl.func1"),
	)
}
