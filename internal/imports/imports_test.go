package imports_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	// The packages below, so that no result is cached after one of them has changed.
	_ "github.com/fencelog/fencelog/aggregate"
	_ "github.com/fencelog/fencelog/eventstore/memory"
	_ "github.com/fencelog/fencelog/kafka"
	_ "github.com/fencelog/fencelog/schema/derive"
	_ "github.com/fencelog/fencelog/schema/registry"
)

const module = "github.com/fencelog/fencelog"

// The modules that a program gets are lines of its go.mod and part of its build. A module that
// joins them must be worth that to everyone. Then add it here.
func TestModulesOfAnImporter(t *testing.T) {
	t.Parallel()
	for _, program := range []struct {
		name    string
		imports []string
		modules []string
	}{
		{
			name:    "a first hour",
			imports: []string{"aggregate", "eventstore/memory"},
			modules: []string{"github.com/google/uuid"},
		},
		{
			name:    "the codec",
			imports: []string{"schema"},
			modules: []string{"github.com/twmb/avro"},
		},
		{
			name:    "the codec and its rooms",
			imports: []string{"schema", "schema/registry", "schema/change", "schema/derive"},
			modules: []string{
				"github.com/golang/snappy",
				"github.com/linkedin/goavro/v2",
				"github.com/riferrei/srclient",
				"github.com/santhosh-tekuri/jsonschema/v5",
				"github.com/twmb/avro",
				"golang.org/x/sync",
			},
		},
	} {
		t.Run(program.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, program.modules, modulesOf(t, program.imports...))
		})
	}
}

// Sarama and Pebble bring many modules, so for the store their number counts, and some are
// forbidden.
func TestModulesOfTheStoreInKafka(t *testing.T) {
	t.Parallel()
	const most = 46 // go mod tidy writes two more lines, for the tests of Sarama and Pebble
	modules := modulesOf(t, "kafka")
	require.LessOrEqual(t, len(modules), most, "%s", strings.Join(modules, "\n"))
	for why, forbidden := range map[string][]string{
		"an HTTP framework": {
			"github.com/danielgtaylor/huma", "github.com/gin-gonic/gin", "github.com/go-chi/chi",
			"github.com/labstack/echo",
		},
		"for traces, which are an adapter": {"go.opentelemetry.io/otel"},
		"another database": {
			"github.com/jackc/pgx", "github.com/mattn/go-sqlite3",
			"modernc.org/sqlite",
		},
		"the checker of the proof": {"github.com/anishathalye/porcupine"},
		"for tests":                {"github.com/stretchr/testify", "github.com/twmb/franz-go"},
		"the tool":                 {"github.com/spf13"},
		"for schemas": {
			"github.com/hamba/avro", "github.com/riferrei/srclient",
			"github.com/twmb/avro",
		},
	} {
		for _, prefix := range forbidden {
			has := slices.ContainsFunc(modules, func(m string) bool { return strings.HasPrefix(m, prefix) })
			require.False(t, has, "%s is %s", prefix, why)
		}
	}
}

// modulesOf returns the modules, in order, of which a program that imports the packages links
// something.
func modulesOf(t *testing.T, packages ...string) []string {
	t.Helper()
	args := []string{"list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}"}
	for _, p := range packages {
		args = append(args, module+"/"+p)
	}
	list, err := exec.CommandContext(t.Context(), "go", args...).Output()
	require.NoError(t, err)
	modules := strings.Fields(string(list))
	slices.Sort(modules)
	return slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return m == module })
}
