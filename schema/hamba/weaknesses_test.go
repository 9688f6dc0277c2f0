package hamba_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"math/big"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// The tests below are of the library by itself, and hold what ADR 1 says of it. If one fails, a
// reason to refuse something is gone.

func logical(typ, logicalType string) avro.Schema {
	return avro.MustParse(`{"type":"` + typ + `","logicalType":"` + logicalType + `"}`)
}

// back returns what the library makes of v, there and back.
func back[T any](t *testing.T, s avro.Schema, v T) (got T) {
	t.Helper()
	value, err := avro.Marshal(s, v)
	require.NoError(t, err)
	require.NoError(t, avro.Unmarshal(s, value, &got))
	return got
}

func TestLibraryIsWrongInSilence(t *testing.T) {
	t.Parallel()
	decimal := avro.MustParse(`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`)
	require.Equal(t, big.NewRat(33, 100), back(t, decimal, big.NewRat(1, 3)))

	eve := time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC)
	require.Equal(t, 1970, back(t, logical("int", "date"), eve).Year())
	require.NotEqual(t, 300_000,
		back(t, logical("long", "timestamp-micros"), time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)).Year())
	require.NotEqual(t, 1000*time.Hour, back(t, logical("int", "time-millis"), 1000*time.Hour))

	number, err := avro.Marshal(logical("long", "time-micros"), int64(7))
	require.NoError(t, err)
	require.Equal(t, []byte{0}, number, "7 microseconds become 0")
}

func TestLibraryTakesDamagedValues(t *testing.T) {
	t.Parallel()
	s := avro.MustParse(`{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":"long"}]}`)
	type ab struct {
		A string `avro:"a"`
		B int64  `avro:"b"`
	}
	var got ab
	require.NoError(t, avro.Unmarshal(s, []byte{2, 'x'}, &got), "a value that is cut short")
	require.Equal(t, ab{A: "x"}, got)
	require.NoError(t, avro.Unmarshal(s, []byte{2, 'x', 14, 1, 2, 3}, &got), "bytes that follow")

	list := []string{"before"}
	count := binary.AppendVarint(nil, math.MinInt64) // GO-2026-5047: its negation overflows
	require.NoError(t, avro.Unmarshal(avro.MustParse(`{"type":"array","items":"string"}`), count, &list))
}

const envDeadly = "FENCELOG_HAMBA_DEADLY"

// death says how a process ends that does not survive its input.
type death struct {
	run  func()
	says []string // one of these on standard error; none: it never ends
}

// deadly returns what kills a process, or keeps it busy for ever.
func deadly() map[string]death {
	huge := binary.AppendVarint(nil, math.MaxInt64)
	return map[string]death{
		"an array of nulls keeps it busy": {run: func() { // GO-2026-5046
			w := avro.MustParse(`{"type":"record","name":"R","fields":[{"name":"n","type":{"type":"array","items":"null"}}]}`)
			r := avro.MustParse(`{"type":"record","name":"R","fields":[]}`)
			s, err := avro.NewSchemaCompatibility().Resolve(r, w)
			if err == nil {
				_ = avro.Unmarshal(s, huge, &struct{}{})
			}
		}},
		// more than there are addresses, so that no kernel gives it
		"a count allocates before anything is read": {func() {
			var got []string
			_ = avro.Unmarshal(avro.MustParse(`{"type":"array","items":"string"}`), binary.AppendVarint(nil, 1<<43),
				&got)
		}, []string{"out of memory", "address space"}}, // the latter where the race detector has most of it
		"a record within itself does not resolve": {func() {
			debug.SetMaxStack(64 << 20) // it would take a gigabyte first
			node := func(more string) avro.Schema {
				s, _ := avro.ParseWithCache(`{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}`+more+`]}`, "", &avro.SchemaCache{})
				return s
			}
			_, _ = avro.NewSchemaCompatibility().Resolve(node(""), node(`,{"name":"more","type":"long"}`))
		}, []string{"stack overflow"}},
	}
}

const started = "started\n"

func TestMain(m *testing.M) {
	if die, ok := deadly()[os.Getenv(envDeadly)]; ok {
		_, _ = os.Stdout.WriteString(started)
		die.run()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestLibraryDies(t *testing.T) {
	t.Parallel()
	const (
		patience = time.Minute     // until it has started, or died
		enough   = 3 * time.Second // what does not end within it never does: it has ten bytes to read
	)
	for name, death := range deadly() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			child := exec.CommandContext(ctx, os.Args[0])
			child.Env = append(os.Environ(), envDeadly+"="+name)
			var stderr bytes.Buffer
			child.Stderr = &stderr
			stdout, err := child.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, child.Start())
			first := make([]byte, len(started))
			_, err = io.ReadFull(stdout, first)
			require.NoError(t, err)
			require.Equal(t, started, string(first))
			if death.says == nil {
				defer time.AfterFunc(enough, cancel).Stop()
			}
			err = child.Wait()
			var died *exec.ExitError
			require.ErrorAs(t, err, &died, "it survived this now")
			if death.says == nil {
				require.ErrorIs(t, ctx.Err(), context.Canceled, "it ended by itself: %v: %.200s", err, stderr.String())
				return
			}
			require.NoError(t, ctx.Err(), "it did not end")
			require.True(t, slices.ContainsFunc(death.says, func(says string) bool {
				return strings.Contains(stderr.String(), says)
			}),
				"expected one of %q: %.2000s", death.says, stderr.String())
		})
	}
}
