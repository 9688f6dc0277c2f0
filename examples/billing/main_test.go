package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "curl" { // see TestReadme
		os.Exit(curl(os.Args[1:]))
	}
	if os.Getenv(programVariable) != "" { // see program
		main()
	}
	goleak.VerifyTestMain(m,
		// Sarama's metrics start one goroutine for each process and never end it.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func TestRunTellsAllMistakes(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), nil, getenvOf(map[string]string{
		addressVariable: "3001", drainVariable: "-1s", logLevelVariable: "loud", brokersVariable: "localhost:9092",
	}), &stdout, &stderr)
	require.Equal(t, exitUsage, code)
	for _, name := range []string{addressVariable, drainVariable, logLevelVariable, registryVariable} {
		require.Contains(t, stderr.String(), name)
	}

	stderr.Reset()
	require.Equal(t, exitUsage, run(t.Context(), nil, getenvOf(map[string]string{advertiseVariable: "here:1"}), &stdout,
		&stderr))
	require.Contains(t, stderr.String(), advertiseVariable)

	stderr.Reset()
	require.Equal(t, exitUsage, run(t.Context(), []string{"-v"}, getenvOf(nil), &stdout, &stderr))
	require.Contains(t, stderr.String(), `"-v"`)
}

func TestRunTellsThatThePortIsTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), nil, getenvOf(map[string]string{addressVariable: l.Addr().String()}), &stdout, &stderr)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr.String(), addressVariable)
}

func getenvOf(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}
