package fencelogcli_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/fencelogcli"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestStreamIsShown(t *testing.T) {
	t.Parallel()
	env, _ := stored(t)
	registry := env["REGISTRY"]
	show := func(args ...string) []string {
		return append([]string{"stream", "show", "Account/alice", "--registry-dir", registry}, args...)
	}
	stdout, stderr := bad(t, shop(), env, show()...)
	require.Empty(t, stderr)
	golden(t, "stream.txt", stdout, registry)
	stdout, stderr = bad(t, shop(), env, show("--json")...)
	require.Empty(t, stderr)
	golden(t, "stream.json", stdout, registry)
	require.True(t, json.Valid([]byte(stdout)))

	golden(t, "stream-at-1.txt", good(t, shop(), env, show("--at", "1")...), registry)
	some := show("--from", "2", "--at", "3", "--index-dir", t.TempDir())
	golden(t, "stream-2-to-3.txt", good(t, shop(), env, some...), "")

	stdout, stderr = bad(t, shop(), env, show("--at", "7")...)
	require.Contains(t, stdout, "Opened")
	require.Equal(t, "shop stream show: Account/alice has no version 7\n", stderr)
	stdout, stderr = bad(t, shop(), env, show("--from", "7", "--json")...)
	require.Equal(t, "[]\n", stdout)
	require.Equal(t, "shop stream show: Account/alice has no version 7\n", stderr)
	_, stderr = bad(t, shop(), env, "stream", "show", "Account/bob")
	require.Equal(t, "shop stream show: Account/bob has no events\n", stderr)
}

// An event in JSON needs no registry. One in Avro is shown without its fields, and with the reason.
func TestStreamWithoutARegistry(t *testing.T) {
	t.Parallel()
	env, _ := stored(t)
	third := good(t, shop(), env, "stream", "show", "Account/alice", "--from", "3", "--at", "3")
	require.Contains(t, third, "hello <world>")
	stdout, _ := bad(t, shop(), env, "stream", "show", "Account/alice")
	require.Equal(t, 3, strings.Count(stdout, "SCHEMA_REGISTRY_URL is not set"))
	require.Contains(t, stdout, "bytes        00")
	require.Contains(t, stdout, "hello <world>")

	away := map[string]string{"KAFKA_BROKERS": env["KAFKA_BROKERS"], "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1"}
	stdout, _ = bad(t, shop(), away, "stream", "show", "Account/alice")
	require.Equal(t, 3, strings.Count(stdout, "schema registry unavailable"))
}

// The generic tool is told by flags, or by variables, what a service's own one knows.
func TestStreamOfTheGenericTool(t *testing.T) {
	t.Parallel()
	env, _ := stored(t)
	want := good(t, shop(), env, "stream", "show", "Account/alice", "--at", "1", "--registry-dir", env["REGISTRY"])
	show := []string{"stream", "show", "Account/alice", "--at", "1", "--registry-dir", env["REGISTRY"]}
	flags := append([]string{"--prefix", "shop", "--category", "Account:2", "--brokers", env["KAFKA_BROKERS"]}, show...)
	require.Equal(t, want, good(t, fencelogcli.Config{}, nil, append(show, flags[:6]...)...))
	variables := map[string]string{
		"KAFKA_BROKERS": env["KAFKA_BROKERS"], "KAFKA_TOPIC_PREFIX": "shop",
		"FENCELOG_CATEGORIES": "Order:1, Account:2",
	}
	require.Equal(t, want, good(t, fencelogcli.Config{}, variables, show...))

	variables["FENCELOG_CATEGORIES"] = "Account:3" // another number finds other partitions
	_, stderr := bad(t, fencelogcli.Config{}, variables, show...)
	require.Contains(t, stderr, "partitions is 2, expected 3")
}

// A reading that takes long is told, with how far it is.
func TestReadingIsTold(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	env := envOf(c.ListenAddrs())
	store := openStore(t, c.ListenAddrs())
	add(t, store, "alice", record(1, "Noted", []byte(`{"text": "hello"}`)))
	held := make(chan struct{})
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		c.SleepControl(func() { <-held })
		return nil, nil, false
	})
	said := new(kafkatest.Output)
	cfg := shop()
	cfg.Stdout, cfg.Stderr, cfg.Getenv = io.Discard, said, func(name string) string { return env[name] }
	ended := make(chan int, 1)
	go func() { ended <- fencelogcli.Run(t.Context(), []string{"stream", "show", "Account/alice"}, cfg) }()
	said.Await(t, "reading shop.account.events (2 s)\n")
	close(held)
	require.Equal(t, fencelogcli.ExitOK, <-ended)
}
