//go:build cluster

package kafka_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka"
)

// real returns a configuration for the real brokers, over topics of its own.
func real(t testing.TB) kafka.Config {
	t.Helper()
	cfg := kafka.Config{
		Brokers:     strings.Split(os.Getenv("KAFKA_BROKERS"), ","),
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

func TestConformanceOnRealBrokers(t *testing.T) { conformance(t, real(t)) }

func TestForeignWritersOnRealBrokers(t *testing.T) { testForeignWriters(t, real(t)) }

func TestTakeoverOnRealBrokers(t *testing.T) { testTakeover(t, real(t)) }
