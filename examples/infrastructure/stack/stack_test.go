package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// What the caller's shell says of another cluster or service does not reach what runs here; the rest does.
func TestProgramsGetAnEnvironmentOfTheirOwn(t *testing.T) {
	for _, name := range []string{"KAFKA_SASL_USERNAME", "KAFKA_INDEX_DIR", "SCHEMA_REGISTRY_TOKEN", "BILLING_ADVERTISE", "BILLING_DRAIN_DELAY"} {
		t.Setenv(name, "elsewhere")
	}
	t.Setenv("OTEL_SERVICE_NAME", "kept")
	s := newStack(options{})
	s.cluster = new(kafkatest.Cluster)
	env := strings.Join(s.environment(), "\n")
	require.NotContains(t, env, "elsewhere")
	require.Contains(t, env, "OTEL_SERVICE_NAME=kept")
	require.Contains(t, env, "KAFKA_BROKERS=")
}
