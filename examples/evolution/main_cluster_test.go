//go:build cluster

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// In Kafka the program shows the same as in memory, also when it runs again.
func TestRunTwiceOnKafka(t *testing.T) {
	t.Parallel()
	c := kafkatest.ForTest(t, kafkatest.Config{Registry: true})
	getenv := getenvOf(map[string]string{brokersVariable: strings.Join(c.Brokers(), ","), registryVariable: c.RegistryURL()})
	for range 2 {
		for line := range strings.Lines(testRun(t, getenv)) {
			require.Regexp(t, "(asked|tried|made) again", line, "brokers may let wait, and nothing else is wrong")
		}
	}
}
