package fencelogcli_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/fencelogcli"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// Opened is the Go type of the event.
type Opened struct {
	Owner string `avro:"owner"`
	Limit *int64 `avro:"limit"`
}

func TestSchemasAreRegisteredInAFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "schemas")
	require.Equal(t, "The schemas are released, and FULL_TRANSITIVE with all revisions.\n",
		good(t, shop(), nil, "schemas", "check", "--registry-dir", dir))
	require.NoFileExists(t, filepath.Join(dir, openedSubject, "v1.avsc"))

	typed := shop()
	typed.Events = []event.Type{{Category: "Account", Name: "Opened", Go: reflect.TypeFor[Opened]()}}
	for _, cfg := range []fencelogcli.Config{shop(), typed, shop()} {
		require.Equal(t, "Event   Revision          Id  Subject\nOpened         2   846919110  "+openedSubject+"\n",
			good(t, cfg, nil, "schemas", "register", "--registry-dir", dir))
	}
	require.FileExists(t, filepath.Join(dir, openedSubject, "v1.avsc"))
	require.JSONEq(t, `[{"category": "Account", "event": "Opened", "revision": 2, "schemaId": 846919110, "subject": "`+
		openedSubject+`"}]`, good(t, shop(), nil, "schemas", "register", "--registry-dir", dir, "--json"))
	require.JSONEq(t, "[]", good(t, shop(), nil, "schemas", "check", "--registry-dir", dir, "--json"))
}

func TestSchemasOfATypeThatDoesNotFit(t *testing.T) {
	t.Parallel()
	cfg, dir := shop(), t.TempDir()
	cfg.Events = []event.Type{{Category: "Account", Name: "Opened", Go: reflect.TypeFor[struct{ Other int }]()}}
	_, stderr := bad(t, cfg, nil, "schemas", "register", "--registry-dir", dir)
	require.Contains(t, stderr, "Opened.avsc")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing was registered")
}

// The subjects are named after the topics, which have the same prefix.
func TestSubjectsHaveThePrefixOfTheTopics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := map[string]string{"KAFKA_TOPIC_PREFIX": "acme"}
	require.Contains(t, good(t, shop(), env, "schemas", "register", "--registry-dir", dir),
		"  acme.account.events-shop.account.Opened\n")
	good(t, shop(), env, "schemas", "check", "--registry-dir", dir)
	require.Contains(t, good(t, shop(), env, "schemas", "register", "--registry-dir", dir, "--prefix", "beta"),
		"  beta.account.events-shop.account.Opened\n")
}

// The generic tool takes a folder with a folder for each category, whatever its case.
func TestSchemasOfTheGenericTool(t *testing.T) {
	t.Parallel()
	source := shop().Schemas["Account"]
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "account"), source))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "nothing"), 0o755))
	folder := t.TempDir()
	want := good(t, shop(), nil, "schemas", "register", "--registry-dir", folder)
	for _, env := range []map[string]string{
		{"FENCELOG_SCHEMAS": dir},
		{"FENCELOG_SCHEMAS": dir, "FENCELOG_CATEGORIES": "Account:2"},
	} {
		args := []string{"schemas", "register", "--registry-dir", folder, "--prefix", "shop"}
		require.Equal(t, want, good(t, fencelogcli.Config{}, env, args...))
	}
	check := func(dir string) []string { return []string{"schemas", "check", "--released-only", "--schemas", dir} }
	good(t, fencelogcli.Config{}, nil, check(dir)...)

	_, stderr := bad(t, fencelogcli.Config{}, nil, check(filepath.Join(dir, "nothing"))...)
	require.Contains(t, stderr, "has schema files (*.avsc)")
	_, stderr = bad(t, fencelogcli.Config{}, nil, check(filepath.Join(dir, "nowhere"))...)
	require.Contains(t, stderr, "no such file or directory")
}

// A registry that has something else under the name of an event takes no part in the deployment.
func TestSchemasThatAreIncompatible(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := registry.OpenFolder(dir)
	require.NoError(t, err)
	const other = `{"type": "record", "name": "Opened", "namespace": "shop.account", "fields": [
		{"name": "limit", "type": "string"}]}`
	_, err = f.Register(context.Background(), openedSubject, other)
	require.NoError(t, err)
	for _, do := range []string{"register", "check"} {
		stdout, stderr := bad(t, shop(), nil, "schemas", do, "--registry-dir", dir)
		require.Empty(t, stdout)
		require.Contains(t, stderr, `field "owner": READER_FIELD_MISSING_DEFAULT_VALUE`)
	}
	stdout, stderr := bad(t, shop(), nil, "schemas", "check", "--registry-dir", dir, "--json")
	require.Empty(t, stderr)
	var problems []map[string]string
	require.NoError(t, json.Unmarshal([]byte(stdout), &problems))
	require.NotEmpty(t, problems)
	require.Equal(t, openedSubject, problems[0]["subject"])
	require.NotEmpty(t, problems[0]["rule"])

	versions, err := f.Versions(t.Context(), openedSubject)
	require.NoError(t, err)
	require.Len(t, versions, 1)
	good(t, shop(), nil, "schemas", "check", "--released-only")
}

// The check finds a file that is not its event's latest released revision.
func TestSchemasThatAreNotReleased(t *testing.T) {
	t.Parallel()
	cfg := shop()
	cfg.Schemas = schema.Sources{"Account": files(map[string]string{
		"Opened.avsc": opened2, "released/Opened.v1.avsc": opened,
	})}
	for _, args := range [][]string{{"--released-only"}, {"--registry-dir", t.TempDir()}} {
		_, stderr := bad(t, cfg, nil, append([]string{"schemas", "check"}, args...)...)
		require.Contains(t, stderr, "Opened.avsc of Account is not released: copy it to released/Opened.v2.avsc")
	}
	stdout, _ := bad(t, cfg, nil, "schemas", "check", "--released-only", "--json")
	require.Contains(t, stdout, `"problem": "Opened.avsc of Account is not released`)
}

func TestNoRegistry(t *testing.T) {
	t.Parallel()
	_, stderr := bad(t, shop(), nil, "schemas", "register")
	require.Contains(t, stderr, "SCHEMA_REGISTRY_URL is not set")
	require.Contains(t, stderr, "--registry-dir")
	_, stderr = bad(t, shop(), nil, "schemas", "check", "--registry", "nonsense")
	require.Contains(t, stderr, `found the URL "nonsense"`)
	stdout, stderr := bad(t, shop(), nil, "schemas", "check", "--registry", "http://127.0.0.1:1", "--json")
	require.Empty(t, stdout, "it is not known whether there is a problem")
	require.Contains(t, stderr, "schema registry unavailable")
}

// The tool says for what it waits, and does not say a password.
func TestWaitIsTold(t *testing.T) {
	t.Parallel()
	arrived, answer := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case arrived <- struct{}{}:
		default:
		}
		<-answer
	}))
	defer server.Close()
	defer close(answer)
	place := server.Listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := new(kafkatest.Output)
	ended := make(chan int, 1)
	cfg := shop()
	cfg.Stdout, cfg.Stderr, cfg.Getenv = io.Discard, said, func(string) string { return "" }
	args := []string{"schemas", "register", "--registry", "http://user:secret@" + place}
	go func() { ended <- fencelogcli.Run(ctx, args, cfg) }()
	<-arrived
	said.Await(t, "waiting for the registry "+place+" (2 s)\n")
	cancel()
	require.Equal(t, fencelogcli.ExitWrong, <-ended)
	said.Await(t, "shop schemas register: interrupted\n")
	require.NotContains(t, said.String(), "secret")
}
