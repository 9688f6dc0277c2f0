package fencelogcli_test

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/avro"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/fencelogcli"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

var update = flag.Bool("update", false, "write the golden texts anew")

// ignored are goroutines that stay: Sarama's metrics start one for each process.
var ignored = goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick")

// opened is the schema of the first event of an account, and its second revision.
const (
	opened = `{"type": "record", "name": "Opened", "namespace": "shop.account", "fields": [
		{"name": "owner", "type": "string"}]}`
	opened2 = `{"type": "record", "name": "Opened", "namespace": "shop.account", "fields": [
		{"name": "owner", "type": "string"}, {"name": "limit", "type": ["null", "long"], "default": null}]}`
	openedSubject = "shop.account.events-shop.account.Opened"
)

// shop is the configuration of a service's own tool.
func shop() fencelogcli.Config {
	return fencelogcli.Config{
		Name:        "shop",
		Categories:  []topics.Category{{Name: "Account", Partitions: 2}, {Name: "Order", Partitions: 1}},
		TopicPrefix: "shop", ClientID: "shop-tool",
		Schemas: schema.Sources{"Account": files(map[string]string{
			"Opened.avsc": opened2, "released/Opened.v1.avsc": opened, "released/Opened.v2.avsc": opened2,
		})},
	}
}

func files(texts map[string]string) fs.FS {
	all := fstest.MapFS{}
	for name, text := range texts {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

// result is what a call of the tool did.
type result struct {
	code           int
	stdout, stderr string
}

// call runs the tool with these environment variables only.
func call(t testing.TB, cfg fencelogcli.Config, env map[string]string, args ...string) result {
	t.Helper()
	return callUntil(t.Context(), cfg, env, args...)
}

func callUntil(ctx context.Context, cfg fencelogcli.Config, env map[string]string, args ...string) result {
	var stdout, stderr strings.Builder
	cfg.Stdout, cfg.Stderr = &stdout, &stderr
	cfg.Getenv = func(name string) string { return env[name] }
	code := fencelogcli.Run(ctx, args, cfg)
	return result{code, stdout.String(), stderr.String()}
}

// good is call that must find nothing wrong. It returns what was printed.
func good(t testing.TB, cfg fencelogcli.Config, env map[string]string, args ...string) string {
	t.Helper()
	r := call(t, cfg, env, args...)
	require.Equal(t, fencelogcli.ExitOK, r.code, r.stdout+r.stderr)
	require.Empty(t, r.stderr)
	return r.stdout
}

// bad is call that must find something wrong. It returns what was printed.
func bad(t testing.TB, cfg fencelogcli.Config, env map[string]string, args ...string) (stdout, stderr string) {
	t.Helper()
	r := call(t, cfg, env, args...)
	require.Equal(t, fencelogcli.ExitWrong, r.code, r.stdout+r.stderr)
	return r.stdout, r.stderr
}

// golden compares a text with a file, in which folder stands for a folder of this test.
func golden(t testing.TB, name, got, folder string) {
	t.Helper()
	if folder != "" {
		got = strings.ReplaceAll(got, folder, "FOLDER")
	}
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// at returns the time of the nth event.
func at(n int) time.Time { return time.Date(2026, 1, 2, 3, 4, n, 5_000_000, time.UTC) }

// record returns the nth event of alice.
func record(n int, typ string, value []byte) eventstore.Record {
	return eventstore.Record{Value: value, Header: event.Header{
		ID: fmt.Sprintf("e-%d", n), Type: typ, Revision: 1, Timestamp: at(n),
		CommandID: fmt.Sprintf("c-%d", n), CorrelationID: "request-1", CausationID: fmt.Sprintf("c-%d", n),
		ActorID: "operator",
	}}
}

// stored is a store on imitated brokers, with a registry in a folder. Alice has one event in Avro
// of each revision, one in JSON, and one that nobody can decode.
func stored(t testing.TB) (env map[string]string, store *kafka.Store) {
	t.Helper()
	brokers := kafkatest.Fake(t)
	env = map[string]string{"KAFKA_BROKERS": strings.Join(brokers, ",")}
	store = openStore(t, brokers)
	dir := t.TempDir()
	env["REGISTRY"] = dir
	folder, err := registry.OpenFolder(dir)
	require.NoError(t, err)
	limited := map[string]any{"owner": "Al\x1b[31mice", "limit": int64(9)}
	second := record(2, "Opened", encode(t, folder, opened2, limited))
	second.Revision, second.Metadata, second.CommandCausationID = 2, map[string]string{"tenant": "acme"}, "e-0"
	for _, r := range []eventstore.Record{
		record(1, "Opened", encode(t, folder, opened, map[string]any{"owner": "Alice"})), second,
		record(3, "Noted", []byte(`{"text": "hello <world>", "tags": ["a", "b"], "n": 12345678901234567890}`)),
		record(4, "Broken", []byte{0, 0, 0, 0, 1, 2}),
	} {
		add(t, store, "alice", r)
	}
	return env, store
}

// openStore opens the service's store on brokers.
func openStore(t testing.TB, brokers []string) *kafka.Store {
	t.Helper()
	cfg := kafka.Config{Topics: topics.Config{Categories: shop().Categories, Prefix: "shop"}}
	cfg.Connection.Brokers = brokers
	return kafkatest.Store(t, cfg)
}

// add appends an event.
func add(t testing.TB, store *kafka.Store, id string, r eventstore.Record) {
	t.Helper()
	stream := eventstore.Stream{Category: "Account", ID: id}
	_, err := store.Append(t.Context(), eventstore.To(stream, eventstore.Any, r))
	require.NoError(t, err)
}

// encode registers the schema, and returns a value in the wire format.
func encode(t testing.TB, r registry.Registry, text string, v any) []byte {
	t.Helper()
	is, err := r.Register(t.Context(), openedSubject, text)
	require.NoError(t, err)
	value, err := avro.MustParse(text).AppendEncode(binary.BigEndian.AppendUint32([]byte{0}, uint32(is.ID)), v)
	require.NoError(t, err)
	return value
}
