//go:build !race

// The race detector allocates too, so that this holds without it only.

package schema_test

import (
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// TestAllocations holds what adr/0001-two-avro-engines.md states.
func TestAllocations(t *testing.T) { //nolint:paralleltest // what others allocate would count
	c, typ := boundCodec(t, schema.Twmb{})
	var e any = exampleCreated()
	const runs, encodes, decodes = 1000, 1, 2
	require.LessOrEqual(t, testing.AllocsPerRun(runs, func() {
		if _, _, err := c.Encode(t.Context(), typ, e); err != nil {
			t.Error(err)
		}
	}), float64(encodes))
	value, _, err := c.Encode(t.Context(), typ, e)
	require.NoError(t, err)
	got := new(AccountCreated)
	require.LessOrEqual(t, testing.AllocsPerRun(runs, func() {
		*got = AccountCreated{}
		if err := c.Decode(t.Context(), typ, value, got); err != nil {
			t.Error(err)
		}
	}), float64(decodes))
}

// checked has a value of each kind that the codec checks.
type checked struct {
	ID     string               `avro:"id"`
	Name   string               `avro:"name"`
	At     *time.Time           `avro:"at"`
	Times  []time.Time          `avro:"times"`
	Amount *big.Rat             `avro:"amount"`
	Fee    *big.Rat             `avro:"fee"`
	Fixed  [4]byte              `avro:"fixed"`
	Lasts  *time.Duration       `avro:"lasts"`
	Labels map[string]time.Time `avro:"labels"`
}

const checkedFields = `{"name":"id","type":{"type":"string","logicalType":"uuid"}},
	{"name":"name","type":"string"},
	{"name":"at","type":["null",{"type":"long","logicalType":"timestamp-micros"}],"default":null},
	{"name":"times","type":{"type":"array","items":{"type":"int","logicalType":"date"}}},
	{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":20,"scale":4}},
	{"name":"fee","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}],"default":null},
	{"name":"fixed","type":{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":8,"scale":2}},
	{"name":"lasts","type":["null",{"type":"long","logicalType":"time-micros"}],"default":null},
	{"name":"labels","type":{"type":"map","values":{"type":"long","logicalType":"timestamp-millis"}}}`

// The checks of an event that is stored allocate nothing, except for maps. For a map they allocate
// the same, however many entries it has.
func TestChecksAllocateNothing(t *testing.T) { //nolint:paralleltest // what others allocate would count
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	lasts := time.Hour
	e := checked{
		ID: "0189c9c2-7d7a-7bbb-8aaa-111111111111", Name: "é", At: &at, Times: []time.Time{at, at},
		Amount: big.NewRat(-1234567891, 10_000), Fee: big.NewRat(5, 1), Fixed: [4]byte{0xff, 1, 2, 3}, Lasts: &lasts,
	}
	labelled := e
	labelled.Labels = map[string]time.Time{"a": at, "b": at, "c": at, "d": at, "e": at, "f": at, "g": at, "h": at}
	typ := event.Type{Category: accountAggregate, Name: "Thing", Go: reflect.TypeFor[checked]()}
	text := record(checkedFields)
	c, err := registry.NewCodec(registry.NewMemory(), thing(text), schema.Config{})
	require.NoError(t, err)
	require.NoError(t, c.Bind(t.Context(), []event.Type{typ}))
	bare, err := avro.Parse(text)
	require.NoError(t, err)

	const runs, ofMap = 1000, 3
	for name, of := range map[string]struct {
		event checked
		more  float64
	}{"without a map": {e, 0}, "with one": {labelled, ofMap}} {
		boxed := any(of.event)
		library := testing.AllocsPerRun(runs, func() {
			if _, err := bare.AppendEncode(make([]byte, 0, 256), &of.event); err != nil {
				t.Error(err)
			}
		})
		codec := testing.AllocsPerRun(runs, func() {
			if _, _, err := c.Encode(t.Context(), typ, boxed); err != nil {
				t.Error(err)
			}
		})
		t.Logf("%s: the library allocates %v times, the codec %v times", name, library, codec)
		require.LessOrEqual(t, codec, library+of.more, name)
	}
}
