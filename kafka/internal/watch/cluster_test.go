//go:build cluster

package watch_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// shared is the one cluster of this test binary, which compacts soon. The first test that asks for
// it starts it.
var shared = kafkatest.NewShared(kafkatest.Config{Properties: map[string]string{"log.cleaner.backoff.ms": "200"}})

func withCluster(m *testing.M) goleak.TestingM { return shared.Main(m) }

// real returns a configuration for the real brokers, over new topics.
func real(t testing.TB) kafka.Config {
	t.Helper()
	return storetest.Real(t, shared.Get(t).Brokers(), 1)
}
