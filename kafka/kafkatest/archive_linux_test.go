//go:build cluster

package kafkatest_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// Brokers map an archive of their classes into memory, which halves the cost of a start.
func TestBrokersStartFromAnArchive(t *testing.T) {
	kafkatest.ForTest(t, kafkatest.Config{Brokers: 1})
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", broker(t, 0)))
	require.NoError(t, err)
	require.Contains(t, string(maps), "-classes/classes.jsa")
}
