//go:build unix

package kafkatest_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks for leaked goroutines, or plays the part that a test gave to a second copy of
// this binary.
func TestMain(m *testing.M) {
	if part := os.Getenv(envPart); part != "" {
		os.Exit(play(part))
	}
	goleak.VerifyTestMain(m,
		// Sarama's metrics start one goroutine for each process and never end it.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}
