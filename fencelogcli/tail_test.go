package fencelogcli_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/fencelogcli"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// tailing is a tail that runs.
type tailing struct {
	stdout, stderr *kafkatest.Output
	end            func() int
}

func tail(t *testing.T, env map[string]string, args ...string) tailing {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r := tailing{stdout: new(kafkatest.Output), stderr: new(kafkatest.Output)}
	cfg := shop()
	cfg.Stdout, cfg.Stderr = r.stdout, r.stderr
	cfg.Getenv = func(name string) string { return env[name] }
	code := make(chan int, 1)
	args = append([]string{"tail", "--registry-dir", env["REGISTRY"]}, args...) // empty: the one at a URL
	go func() { code <- fencelogcli.Run(ctx, args, cfg) }()
	r.end = func() int {
		cancel()
		return <-code
	}
	r.stderr.Await(t, "following ")
	return r
}

const allOfAlice = `2026-01-02T03:04:01.005Z  Account/alice  1  Opened  {"owner":"Alice"}
2026-01-02T03:04:02.005Z  Account/alice  2  Opened  {"owner":"Al\u001b[31mice","limit":9}
2026-01-02T03:04:03.005Z  Account/alice  3  Noted  {"text":"hello <world>","tags":["a","b"],"n":12345678901234567890}
`

func TestTailFollows(t *testing.T) {
	t.Parallel()
	env, store := stored(t)
	all := tail(t, env, "--beginning")
	later := tail(t, env)
	since := tail(t, env, "--since", at(3).Format(time.RFC3339Nano), "--category", "Account", "--json")
	elsewhere := tail(t, env, "--category", "Order", "--beginning")
	all.stdout.Await(t, "Account/alice  4  Broken  not decoded: get schema with id 1")
	require.True(t, strings.HasPrefix(all.stdout.String(), allOfAlice), all.stdout.String())

	add(t, store, "bob", record(5, "Noted", []byte(`{"text": "new"}`)))
	const line = "2026-01-02T03:04:05.005Z  Account/bob  1  Noted  {\"text\":\"new\"}\n"
	all.stdout.Await(t, line)
	later.stdout.Await(t, line)
	since.stdout.Await(t, `"new"`)
	require.Equal(t, line, later.stdout.String())
	for _, r := range []tailing{all, later, since, elsewhere} {
		require.Equal(t, fencelogcli.ExitOK, r.end())
		require.NotContains(t, r.stderr.String(), "interrupted")
	}
	require.Equal(t, "following Order; Ctrl-C ends it\n", elsewhere.stderr.String())
	require.Empty(t, elsewhere.stdout.String())
	lines := strings.Split(strings.TrimSpace(since.stdout.String()), "\n")
	require.Len(t, lines, 3)
	for _, line := range lines {
		var e struct{ EventID, Timestamp, Encoding string }
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.NotEmpty(t, e.EventID)
		require.NotEmpty(t, e.Encoding)
	}
}

// An end of the store ends the tail with what is wrong.
func TestTailThatFails(t *testing.T) {
	t.Parallel()
	_, stderr := bad(t, shop(), nil, "tail")
	require.Contains(t, stderr, "KAFKA_BROKERS is not set")
	env := envOf(kafkatest.Fake(t))
	_, stderr = bad(t, shop(), env, "tail")
	require.Contains(t, stderr, "topic shop.account.events is missing")
}
