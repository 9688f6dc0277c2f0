//go:build cluster

package kafka_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// shared is the one cluster of this test binary, started when the first test asks for it.
var shared = kafkatest.NewShared(kafkatest.Config{})

func withCluster(m *testing.M) goleak.TestingM { return shared.Main(m) }

// real returns a configuration for the real brokers, over topics of its own.
func real(t testing.TB) kafka.Config {
	t.Helper()
	cfg := kafka.Config{
		Brokers:     shared.Get(t).Brokers(),
		TopicPrefix: "test-" + uuid.NewString()[:8],
		Categories:  []kafka.Category{{Type: aggregateType, Partitions: 1}},
		Logger:      quiet(),
	}
	create(t, cfg)
	return cfg
}

func create(t testing.TB, cfg kafka.Config) {
	t.Helper()
	_, err := kafka.CreateTopics(t.Context(), cfg)
	require.NoError(t, err)
}

func TestConformanceOnRealBrokers(t *testing.T) {
	cfg := real(t)
	cfg.IndexDir = t.TempDir()
	conformance(t, cfg)
}

func TestForeignWritersOnRealBrokers(t *testing.T) { testForeignWriters(t, real(t)) }

func TestTakeoverOnRealBrokers(t *testing.T) { testTakeover(t, real(t)) }

// An owner that lost its claim learns so from its next renewal, without appending. (The fake brokers give a
// new term to whoever asks with an old one.)
func TestIdleOwnerLearnsThatItsClaimIsLost(t *testing.T) {
	cfg := real(t)
	cfg.ClaimRenewal = 10 * time.Millisecond
	old := open(t, cfg)
	cfg.ClaimRenewal = 0
	open(t, cfg)
	require.Eventually(t, func() bool {
		_, err := old.Append(t.Context(), stream("a"), 1_000_000, records(1, "")...) // a conflict, as long as it owns
		return errors.Is(err, eventstore.ErrNotOwner)
	}, 30*time.Second, 10*time.Millisecond)
}
