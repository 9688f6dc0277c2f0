//go:build cluster

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

var cluster = kafkatest.NewShared(kafkatest.Config{Registry: true})

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(cluster.Main(m),
		// Sarama's metrics start one goroutine for each process and never end it.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func TestTopicsAndSchemasOnRealBrokers(t *testing.T) {
	c := cluster.Get(t)
	getenv := environment(c.Brokers(), c.RegistryURL())
	code, stdout, stderr := program(t, getenv, "-schemas") // a cluster that is shared may have some of them
	require.Equal(t, exitOK, code, stderr)
	schemas := "\nSchemas at " + c.RegistryURL() + ": AccountCreated, AccountCredited, AccountDebited\n"
	require.Contains(t, stdout, schemas)

	code, stdout, _ = program(t, getenv, "-schemas")
	require.Equal(t, exitOK, code)
	require.Equal(t, strings.ReplaceAll(allCreated, "created", "exists")+schemas, stdout)
}
