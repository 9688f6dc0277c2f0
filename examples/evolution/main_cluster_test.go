//go:build cluster

package main

import (
	"strings"
	"testing"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// In Kafka the program shows what it shows in memory, also when it runs again.
func TestRunTwiceOnKafka(t *testing.T) {
	t.Parallel()
	c := kafkatest.ForTest(t, kafkatest.Config{Registry: true})
	getenv := environment(map[string]string{brokersVariable: strings.Join(c.Brokers(), ","), registryVariable: c.RegistryURL()})
	for range 2 {
		testRun(t, getenv)
	}
}
