package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/process"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/kafkatest/console"
)

// The programs do not get the caller's variables about another cluster or service. They get the
// rest.
func TestProgramsGetAnEnvironmentOfTheirOwn(t *testing.T) {
	for _, name := range []string{
		"KAFKA_SASL_USERNAME", "KAFKA_INDEX_DIR", "SCHEMA_REGISTRY_TOKEN",
		"BILLING_ADVERTISE", "BILLING_DRAIN_DELAY",
	} {
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

// part returns a program that runs a shell script, in a stack that runs nothing else. Its page
// answers with status.
func part(t *testing.T, script string, status int) (*stack, *program, *kafkatest.Output) {
	t.Helper()
	said := new(kafkatest.Output)
	s := newStack(options{progress: said})
	s.cluster = new(kafkatest.Cluster)
	s.dir = filepath.Join(t.TempDir(), "stack")
	require.NoError(t, os.Mkdir(s.dir, 0o755))
	var err error
	s.console, err = console.New(s.dir, s.tell)
	require.NoError(t, err)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(page.Close)
	return s, s.newProgram("part", "/bin/sh", page.URL, "-c", script), said
}

// If a part cannot start, the error shows the end of its log. The log stays when everything else is
// removed.
func TestAPartThatDoesNotStart(t *testing.T) {
	s, p, _ := part(t, "echo the disk is haunted; exit 3", http.StatusNotFound)
	err := s.run(t.Context(), p, nil)
	require.ErrorContains(t, err,
		"part ended by itself (exit status 3); its log is "+p.log+", which ends:\n    the disk is haunted")
	require.NoError(t, s.stop(true))
	text, err := os.ReadFile(p.log)
	require.NoError(t, err)
	require.Equal(t, "the disk is haunted\n", string(text))
	left, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// A part ends at once, each time. Each start fails with that, and nobody else starts the part.
func TestAPartThatEndsAgainAndAgain(t *testing.T) {
	s, p, said := part(t, "echo again; exit 3", http.StatusNotFound)
	for range 3 {
		require.ErrorIs(t, p.Start(t.Context()), errEnded)
	}
	require.NoError(t, p.Stop(), "which changes nothing")
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

// If a command stops a part while it starts, the part has not died.
func TestAPartThatIsStoppedWhileItStarts(t *testing.T) {
	s, p, said := part(t, "exec sleep 600", http.StatusNotFound)
	stdin, typed := io.Pipe()
	s.attend(t.Context(), stdin)
	started := make(chan error, 1)
	go func() { started <- s.run(t.Context(), p, nil) }()
	said.Await(t, "starting part")
	require.Eventually(t, func() bool {
		return strings.HasPrefix(p.Status(), "runs")
	}, kafkatest.DefaultPatience, time.Millisecond)
	_, err := io.WriteString(typed, "stop part\n")
	require.NoError(t, err)
	err = <-started
	require.ErrorIs(t, err, errStopped)
	require.NotErrorIs(t, err, errEnded)
	require.NoError(t, typed.Close())
	require.NoError(t, s.stop(false))
	require.NotContains(t, said.String(), "the other parts go on")
}

// The error of a start tells of a death during the start, and the console does not. The console
// tells of a later one.
func TestADeathIsToldOnce(t *testing.T) {
	die := func(_ context.Context, proc *process.Child) error {
		require.NoError(t, proc.Signal(syscall.SIGKILL))
		<-proc.Done()
		return ended(proc)
	}
	for name, c := range map[string]struct {
		further func(context.Context, *process.Child) error
		told    int
	}{"while it starts": {die, 0}, "later": {nil, 1}} {
		t.Run(name, func(t *testing.T) {
			s, p, said := part(t, "exec sleep 600", http.StatusOK)
			err := s.run(t.Context(), p, c.further)
			if c.further == nil {
				require.NoError(t, err)
				require.ErrorIs(t, die(t.Context(), p.process()), errEnded)
			} else {
				require.ErrorIs(t, err, errEnded)
			}
			require.NoError(t, s.stop(false))
			require.Equal(t, c.told, strings.Count(said.String(), "the other parts go on"), said)
		})
	}
}
