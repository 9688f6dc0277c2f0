package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Sarama's metrics start one goroutine for each process and never end it.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func getenvOf(schemas string) func(string) string {
	return func(name string) string { return map[string]string{registry.EnvURL: schemas}[name] }
}

// program runs the program in the test.
func program(t *testing.T, getenv func(string) string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	code = run(t.Context(), args, &out, &log, getenv)
	return code, out.String(), log.String()
}

const createdSubject = "billing.account.events-billing.account.AccountCreated"

func TestRegistersInAFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "schemas")
	code, stdout, stderr := program(t, getenvOf(""), "-check", "-folder", dir)
	require.Equal(t, exitOK, code, stderr)
	require.Equal(t, "The schemas are released, and FULL_TRANSITIVE with all revisions.\n", stdout)
	require.NoFileExists(t, filepath.Join(dir, createdSubject, "v1.avsc"))

	for range 2 {
		code, stdout, stderr = program(t, getenvOf(""), "-folder", dir)
		require.Equal(t, exitOK, code, stderr)
		lines := strings.Split(stdout, "\n")
		require.Equal(t, "Event            Revision          Id  Subject", lines[0])
		require.Regexp(t, `^AccountCreated +1 +[1-9][0-9]+  `+createdSubject+`$`, lines[1])
	}
	require.FileExists(t, filepath.Join(dir, createdSubject, "v1.avsc"))
}

// The subjects are named after the topics, which create-topics and the services give the same
// prefix.
func TestSubjectsHaveThePrefixOfTheTopics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	getenv := func(name string) string { return map[string]string{environment.TopicPrefix: "acme"}[name] }
	code, stdout, stderr := program(t, getenv, "-folder", dir)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "  acme.account.events-billing.account.AccountCreated\n")
	require.NotContains(t, stdout, createdSubject)
	code, _, stderr = program(t, getenv, "-check", "-folder", dir)
	require.Equal(t, exitOK, code, stderr)
}

// A registry that has something else under the name of an event takes no part in the deployment.
func TestRefusesWhatIsIncompatible(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := registry.OpenFolder(dir)
	require.NoError(t, err)
	const other = `{"type":"record","name":"AccountCreated","namespace":"billing.account","fields":[{"name":"exponent","type":"string"}]}`
	_, err = f.Register(context.Background(), createdSubject, other)
	require.NoError(t, err)
	for _, args := range [][]string{{"-folder", dir}, {"-check", "-folder", dir}} {
		code, stdout, stderr := program(t, getenvOf(""), args...)
		require.Equal(t, exitFailed, code)
		require.Empty(t, stdout)
		require.Contains(t, stderr, `field "exponent": TYPE_MISMATCH: AccountCreated.avsc cannot read what version 1 wrote: found string, expected int`)
		require.Contains(t, stderr, `field "ownerId": READER_FIELD_MISSING_DEFAULT_VALUE`)
	}
	versions, err := f.Versions(t.Context(), createdSubject)
	require.NoError(t, err)
	require.Len(t, versions, 1)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing else was registered")
}

func TestWrongCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		url  string
		code int
		says string
	}{
		{"no registry", nil, "", exitFailed, "SCHEMA_REGISTRY_URL is not set"},
		{"a URL that is none", nil, "nonsense", exitFailed, `found the URL "nonsense"`},
		{"unknown flag", []string{"-x"}, "", exitUsage, "-folder"},
		{"an argument", []string{"x"}, "", exitUsage, "-folder"},
		{"unknown level", []string{"-compatibility", "SOME"}, "", exitUsage, `found compatibility level "SOME"`},
		{"help", []string{"-h"}, "", exitOK, "-folder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := program(t, getenvOf(c.url), c.args...)
			require.Equal(t, c.code, code)
			said, silent := stderr, stdout
			if c.code == exitOK {
				said, silent = stdout, stderr
			}
			require.Contains(t, said, c.says)
			require.Empty(t, silent)
		})
	}
}

// The program says for what it waits, and does not say a password.
func TestAWaitIsTold(t *testing.T) {
	t.Parallel()
	arrived, answer := make(chan struct{}, 1), make(chan struct{})
	schemas := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case arrived <- struct{}{}:
		default:
		}
		<-answer
	}))
	defer schemas.Close()
	defer close(answer)
	place := schemas.Listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := new(kafkatest.Output)
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, nil, io.Discard, said, getenvOf("http://user:secret@"+place)) }()
	<-arrived
	said.Await(t, "still waiting for the registry "+place+" (5 s)\n")
	require.NotContains(t, said.String(), "secret")
	cancel()
	require.Equal(t, exitFailed, <-ended)
	require.Equal(t, "that SCHEMA_REGISTRY_URL names", placeOf("http://user:sec%ret@registry:8081"))
}
