package prom_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/eventstore"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Sarama's metrics start one goroutine for each process and never end it.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// errOf returns the error of a command or an update.
func errOf(_ eventstore.Outcome, err error) error { return err }
