//go:build cluster

package account_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

var cluster = kafkatest.NewShared(kafkatest.Config{Registry: true})

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(cluster.Main(m),
		// Sarama's metrics start one goroutine for each process and never end it.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}
