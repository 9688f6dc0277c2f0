package schema_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	hambaavro "github.com/hamba/avro/v2" //nolint:depguard // the benchmark compares package hamba with it; no program links tests
	"github.com/stretchr/testify/require"
	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/hamba"
	"github.com/fencelog/fencelog/schema/registry"
)

func bare(b *testing.B) *avro.Schema {
	b.Helper()
	text, err := os.ReadFile("testdata/account/AccountCreated.avsc")
	require.NoError(b, err)
	s, err := avro.Parse(string(text))
	require.NoError(b, err)
	return s
}

func bareHamba(b *testing.B) (hambaavro.API, hambaavro.Schema) {
	b.Helper()
	text, err := os.ReadFile("testdata/account/AccountCreated.avsc")
	require.NoError(b, err)
	s, err := hambaavro.ParseWithCache(string(text), "", &hambaavro.SchemaCache{})
	require.NoError(b, err)
	return hambaavro.Config{}.Freeze(), s
}

func boundCodec(tb testing.TB, e schema.Engine) (*schema.Codec, event.Type) {
	tb.Helper()
	c, err := registry.NewCodec(registry.NewMemory(), accountSources(), schema.Config{Engine: e})
	require.NoError(tb, err)
	require.NoError(tb, c.Bind(tb.Context(), []event.Type{created(), credited()}))
	return c, created()
}

// BenchmarkEncode compares the codec with the Avro library below it. The library is called as fast
// as can be: with a pointer to the event, and a buffer that is large enough.
//
//   - "bareValue" gives the library the event as an interface holds it, which is what a codec gets.
//   - "hamba" is the codec over the second engine, and "bareHamba" is the library of that engine.
//   - "json" is encoding/json.
//
// The contestants take turns, in rounds. So a machine that is busy with other things disturbs all
// alike. The benchmark reports the median of a round, for one event. Look at the ratio to the
// library.
func BenchmarkEncode(b *testing.B) {
	c, typ := boundCodec(b, schema.Twmb{})
	second, _ := boundCodec(b, hamba.Engine{})
	s := bare(b)
	h, hs := bareHamba(b)
	e := exampleCreated()
	var boxed any = e
	ctx := b.Context()
	race(b, map[string]func() error{
		"codec": func() error {
			_, _, err := c.Encode(ctx, typ, boxed)
			return err
		},
		"hamba": func() error {
			_, _, err := second.Encode(ctx, typ, boxed)
			return err
		},
		"bare": func() error {
			_, err := s.AppendEncode(make([]byte, 0, 32), &e)
			return err
		},
		"bareHamba": func() error {
			_, err := h.Marshal(hs, &e)
			return err
		},
		"bareValue": func() error {
			_, err := s.AppendEncode(make([]byte, 0, 32), boxed)
			return err
		},
		"json": func() error {
			_, err := json.Marshal(&e)
			return err
		},
	})
}

// BenchmarkDecode compares the codec with the Avro library below it and with encoding/json, as
// BenchmarkEncode does.
func BenchmarkDecode(b *testing.B) {
	c, typ := boundCodec(b, schema.Twmb{})
	second, _ := boundCodec(b, hamba.Engine{})
	s := bare(b)
	h, hs := bareHamba(b)
	e := exampleCreated()
	value, _, err := c.Encode(b.Context(), typ, e)
	require.NoError(b, err)
	plain, err := s.Encode(&e)
	require.NoError(b, err)
	text, err := json.Marshal(&e)
	require.NoError(b, err)
	ctx := b.Context()
	race(b, map[string]func() error{
		"codec": func() error {
			var got AccountCreated
			return c.Decode(ctx, typ, value, &got)
		},
		"hamba": func() error {
			var got AccountCreated
			return second.Decode(ctx, typ, value, &got)
		},
		"bare": func() error {
			var got AccountCreated
			_, err := s.Decode(plain, &got)
			return err
		},
		"bareHamba": func() error {
			var got AccountCreated
			return h.Unmarshal(hs, plain, &got)
		},
		"json": func() error {
			var got AccountCreated
			return json.Unmarshal(text, &got)
		},
	})
}

// race lets the contestants run in turns of many calls each. It reports the median nanoseconds and
// the allocations of a call. It also reports the ratios of "codec" to "bare" and of "hamba" to
// "bareHamba".
func race(b *testing.B, contestants map[string]func() error) {
	b.Helper()
	const calls = 500
	names := slices.Sorted(maps.Keys(contestants))
	rounds := make(map[string][]float64)
	for b.Loop() {
		for _, name := range names {
			call := contestants[name]
			start := time.Now()
			for range calls {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
			rounds[name] = append(rounds[name], float64(time.Since(start).Nanoseconds())/calls)
		}
	}
	median := func(name string) float64 {
		slices.Sort(rounds[name])
		return rounds[name][len(rounds[name])/2]
	}
	for _, name := range names {
		call := contestants[name]
		b.ReportMetric(median(name), name+"-ns")
		b.ReportMetric(testing.AllocsPerRun(calls, func() { _ = call() }), name+"-allocs")
	}
	b.ReportMetric(median("codec")/median("bare"), "codec/bare")
	b.ReportMetric(median("hamba")/median("bareHamba"), "hamba/bareHamba")
	b.ReportMetric(0, "ns/op")
}
