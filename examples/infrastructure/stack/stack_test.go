package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/kafkatest/console"
)

// What the caller's shell says of another cluster or service does not reach what runs here; the
// rest does.
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

// part returns a program that runs a shell script, in a stack that runs nothing else.
func part(t *testing.T, script string) (*stack, *program, *kafkatest.Output) {
	t.Helper()
	said := new(kafkatest.Output)
	s := newStack(options{progress: said})
	s.cluster = new(kafkatest.Cluster)
	s.dir = filepath.Join(t.TempDir(), "stack")
	require.NoError(t, os.Mkdir(s.dir, 0o755))
	var err error
	s.console, err = console.New(s.dir, s.tell)
	require.NoError(t, err)
	page := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(page.Close)
	return s, s.newProgram("part", "/bin/sh", page.URL, "-c", script), said
}

// When a part cannot start, the end of its log is shown, and the log is there when all else is
// taken down.
func TestAPartThatDoesNotStart(t *testing.T) {
	s, p, _ := part(t, "echo the disk is haunted; exit 3")
	err := s.run(t.Context(), p)
	require.ErrorContains(t, err, "part ended by itself (exit status 3); its log is "+p.log+", which ends:\n    the disk is haunted")
	require.NoError(t, s.stop(true))
	text, err := os.ReadFile(p.log)
	require.NoError(t, err)
	require.Equal(t, "the disk is haunted\n", string(text))
	left, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// A part that ends at once each time is told each time, and started by nobody.
func TestAPartThatEndsAgainAndAgain(t *testing.T) {
	s, p, said := part(t, "echo again; exit 3")
	for range 3 {
		require.ErrorIs(t, p.Start(t.Context()), errEnded)
	}
	require.Equal(t, "ended by itself (exit status 3), its log is "+p.log, p.Status())
	text, err := os.ReadFile(p.log)
	require.NoError(t, err)
	require.Equal(t, "again\nagain\nagain\n", string(text), "three starts in all, and each one's log is there")
	require.Empty(t, said.String(), "whoever starts it is told")
	require.NoError(t, s.stop(false))
	require.NoDirExists(t, s.dir)
	require.ErrorIs(t, p.close(), nil)
	require.ErrorIs(t, p.Start(t.Context()), errClosed)
}
