package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/schematest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Sarama's metrics start one goroutine for each process and never end it.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func getenvOf(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

// testRun runs the program, compares its standard output, and returns its standard error.
func testRun(t *testing.T, getenv func(string) string) string {
	t.Helper()
	want, err := os.ReadFile("testdata/output.txt")
	require.NoError(t, err)
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), &stdout, &stderr, getenv), stderr.String())
	require.Equal(t, string(want), stdout.String())
	return stderr.String()
}

func TestRunInMemory(t *testing.T) {
	t.Parallel()
	require.Empty(t, testRun(t, getenvOf(nil)))
}

// Each release passed the gate when it was made.
func TestReleasesAreCompatible(t *testing.T) {
	t.Parallel()
	for _, r := range releases() {
		sources, err := r.sources()
		require.NoError(t, err)
		schematest.Compatible(t, sources, change.FullTransitive)
		schematest.Released(t, sources)
	}
}

// Without its upcaster release 3 would take former payments for payments of 0 cents.
func TestTheUpcasterMatters(t *testing.T) {
	t.Parallel()
	var till Till
	paymentReceived3{Payer: "Ann", Euros: 5}.Apply(&till)
	require.Zero(t, till.Cents)
	for _, e := range inCents(paymentReceived2{Payer: "Ann", Euros: 5}) {
		e.Apply(&till)
	}
	require.EqualValues(t, 500, till.Cents)
}

func TestWrongEnvironment(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := run(t.Context(), &out, &out, getenvOf(map[string]string{brokersVariable: "127.0.0.1:1"}))
	require.ErrorContains(t, err, registryVariable)
	require.Empty(t, out.String())
}
