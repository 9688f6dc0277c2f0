//go:build cluster

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

var cluster = kafkatest.NewShared(kafkatest.Config{})

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(cluster.Main(m),
		// Sarama's metrics start one goroutine for each process and never end it.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func TestTopicsOnRealBrokers(t *testing.T) {
	getenv := getenvOf(cluster.Get(t).Brokers())
	code, _, stderr := program(t, getenv) // a cluster that is shared may have some of them
	require.Equal(t, exitOK, code, stderr)

	code, stdout, _ := program(t, getenv)
	require.Equal(t, exitOK, code)
	require.Equal(t, strings.ReplaceAll(allCreated, "created", "exists"), stdout)
}
