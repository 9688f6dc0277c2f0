//go:build !cluster

package kafka_test

import (
	"testing"

	"go.uber.org/goleak"
)

func withCluster(m *testing.M) goleak.TestingM { return m }

// With a cluster the same suite runs there.
func TestStore(t *testing.T) {
	_, cfg := fake(t)
	conformance(t, cfg)
}
