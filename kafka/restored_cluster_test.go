//go:build cluster

package kafka_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// The disks of real brokers are restored from a copy. Real brokers lose records in this way.
func TestRestored_onBrokers(t *testing.T) {
	c := kafkatest.ForTest(t, kafkatest.Config{Properties: map[string]string{"broker.session.timeout.ms": "3000"}})
	saved := filepath.Join(t.TempDir(), "disks")
	testRestored(t, storetest.Real(t, c.Brokers(), 1), func() {
		require.NoError(t, c.KillAll())
		require.NoError(t, c.SaveDisks(saved))
		require.NoError(t, c.RestartAll(t.Context()))
	}, func() {
		require.NoError(t, c.KillAll())
		require.NoError(t, c.RestoreDisks(saved))
		require.NoError(t, c.RestartAll(t.Context()))
	})
}
