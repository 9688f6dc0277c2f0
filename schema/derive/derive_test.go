package derive_test

import (
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/derive"
	"github.com/fencelog/fencelog/schema/internal/sampletest"
	"github.com/fencelog/fencelog/schema/registry"
)

// Colour is stored as an enum.
type Colour string

// Symbols implements schema.Enum.
func (Colour) Symbols() []string { return []string{"UNKNOWN", "RED", "GREEN"} }

type line struct {
	Text  string `avro:"text" doc:"100% \"text\""`
	Price int64  `avro:"price,default=7"`
	Next  *line  `avro:"next"`
}

type ordered struct {
	ID        string                 `avro:"id,uuid,alias=key,alias=number"`
	Flag      bool                   `avro:"flag,default=true"`
	Small     int32                  `avro:"small"`
	Large     int                    `avro:"large"`
	Single    float32                `avro:"single"`
	Double    float64                `avro:"double"`
	Raw       []byte                 `avro:"raw"`
	Digest    [4]byte                `avro:"digest"`
	Ink       Colour                 `avro:"ink"`
	Paper     *Colour                `avro:"paper"`
	At        time.Time              `avro:"at"`
	Millis    time.Time              `avro:"millis,timestamp-millis"`
	Day       *time.Time             `avro:"day,date"`
	Took      time.Duration          `avro:"took"`
	TookM     time.Duration          `avro:"tookMillis,time-millis"`
	Count     int64                  `avro:"count,timestamp-nanos"`
	Rate      *big.Rat               `avro:"rate,decimal(9,2)"`
	Maybe     *string                `avro:"maybe,default=a, b"`
	Lines     []line                 `avro:"lines,type=Line"`
	ByName    map[string]*line       `avro:"byName"`
	Deep      map[string][]time.Time `avro:"deep,timestamp-millis"`
	LeftOut   func()                 `avro:"-"`
	Addresses map[string]struct {
		City string `avro:"city"`
	} `avro:"addresses,type=Address"`
}

const orderedSchema = `{
  "type": "record",
  "name": "Ordered",
  "namespace": "shop",
  "fields": [
    {"name": "id", "type": {"type": "string", "logicalType": "uuid"}, "aliases": ["key", "number"]},
    {"name": "flag", "type": "boolean", "default": true},
    {"name": "small", "type": "int"},
    {"name": "large", "type": "long"},
    {"name": "single", "type": "float"},
    {"name": "double", "type": "double"},
    {"name": "raw", "type": "bytes"},
    {"name": "digest", "type": {"type": "fixed", "name": "Digest", "size": 4}},
    {"name": "ink", "type": {"type": "enum", "name": "Ink", "symbols": ["UNKNOWN", "RED", "GREEN"], "default": "UNKNOWN"}},
    {"name": "paper", "type": ["null", "Ink"], "default": null},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "millis", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null},
    {"name": "took", "type": {"type": "long", "logicalType": "time-micros"}},
    {"name": "tookMillis", "type": {"type": "int", "logicalType": "time-millis"}},
    {"name": "count", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
    {"name": "rate", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    {"name": "maybe", "type": ["string", "null"], "default": "a, b"},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [{"name": "text", "type": "string", "doc": "100% \"text\""}, {"name": "price", "type": "long", "default": 7}, {"name": "next", "type": ["null", "Line"], "default": null}]}}},
    {"name": "byName", "type": {"type": "map", "values": ["null", "Line"]}},
    {"name": "deep", "type": {"type": "map", "values": {"type": "array", "items": {"type": "long", "logicalType": "timestamp-millis"}}}},
    {"name": "addresses", "type": {"type": "map", "values": {"type": "record", "name": "Address", "fields": [{"name": "city", "type": "string"}]}}}
  ]
}
`

func TestDerive(t *testing.T) {
	t.Parallel()
	typ := typeOf[ordered]("Ordered")
	for range 2 {
		text, err := derive.Schema(typ, "shop")
		require.NoError(t, err)
		require.Equal(t, orderedSchema, text)
	}
	require.NoError(t, derive.Check(typ, orderedSchema))
	m := registry.NewMemory()
	c := sampletest.Codec(t, m, sampletest.Files(map[string]string{"Ordered.avsc": orderedSchema}))
	require.NoError(t, c.Bind(t.Context(), []event.Type{typ}), "what is derived fits")
}

func TestDeriveRefuses(t *testing.T) {
	t.Parallel()
	type hue string
	for name, test := range map[string]struct {
		typ  event.Type
		says string
	}{
		"no struct": {typeOf[hue]("Thing"), "expected a struct"},
		"nothing":   {event.Type{Category: "A", Name: "Thing"}, "found Go type <nil>"},
		"unsigned": {
			typeOf[one[uint64]]("Thing"),
			`field "f": mismatch of Go type and schema: Go type uint64 has no counterpart`,
		},
		"interface":   {typeOf[one[any]]("Thing"), "Go type interface {} has no counterpart"},
		"deep":        {typeOf[one[[]map[string]chan int]]("Thing"), `field "f[]{}"`},
		"no tag":      {typeOf[struct{ A string }]("Thing"), "no name to be stored under"},
		"map of ints": {typeOf[one[map[int]string]]("Thing"), "no counterpart"},
		"ratio":       {typeOf[one[*big.Rat]]("Thing"), "needs precision and scale"},
		"unit of a span": {typeOf[struct {
			F time.Time `avro:"f,time-millis"`
		}]("Thing"), "the tag says time-millis"},
		"unknown option": {typeOf[struct {
			F time.Time `avro:"f,timestamp-mircos"`
		}]("Thing"), `tag option "timestamp-mircos" is unknown`},
		"a name that says nothing": {typeOf[struct {
			F int64 `avro:"f,alias="`
		}]("Thing"), `tag option "alias=" says nothing`},
		"a time that is a string": {typeOf[struct {
			F string `avro:"f,timestamp-millis"`
		}]("Thing"), "the tag says timestamp-millis, which Go type string cannot be"},
		"a uuid that is a number": {typeOf[struct {
			F []int64 `avro:"f,uuid"`
		}]("Thing"), `field "f[]": mismatch of Go type and schema: the tag says uuid, which Go type int64 cannot be`},
		"a uuid that is a fixed": {typeOf[struct {
			F [16]byte `avro:"f,uuid"`
		}]("Thing"), "which Go type [16]uint8 cannot be"},
		"a uuid that is bytes": {typeOf[struct {
			F []byte `avro:"f,uuid"`
		}]("Thing"), "which Go type []uint8 cannot be"},
		"a decimal that is a record": {typeOf[struct {
			F inner `avro:"f,decimal(9,2)"`
		}]("Thing"), "the tag says decimal"},
		"a name for a number": {typeOf[struct {
			F int64 `avro:"f,type=Count"`
		}]("Thing"), "the tag says type=Count"},
		"two names of one type": {typeOf[struct {
			F [4]byte   `avro:"f,type=Hash"`
			G [][4]byte `avro:"g,type=Digest"`
		}]("Thing"), `field "g": mismatch of Go type and schema: the tag says type=Digest`},
		"decimal without scale": {typeOf[struct {
			F *big.Rat `avro:"f,decimal(9)"`
		}]("Thing"), `tag option "decimal(9)" is unknown`},
		"bad default": {typeOf[struct {
			F int64 `avro:"f,default=many"`
		}]("Thing"), `found default "many"`},
		"default of another type": {typeOf[struct {
			F int64 `avro:"f,default=true"`
		}]("Thing"), "schema invalid"},
		"default of a list": {typeOf[struct {
			F []int64 `avro:"f,default=1"`
		}]("Thing"), `found default "1"`},
		"a bad name": {typeOf[struct {
			F int64 `avro:"a b"`
		}]("Thing"), "schema invalid"},
		"two types of one name": {typeOf[struct {
			F [4]byte `avro:"f,type=Hash"`
			G [8]byte `avro:"g,type=Hash"`
		}]("Thing"), "both [4]uint8 and [8]uint8 would be called Hash"},
		"a type called like the event": {typeOf[struct {
			F [4]byte `avro:"thing"`
		}]("Thing"), "would be called Thing"},
		"optional optional": {typeOf[one[**int64]]("Thing"), "schema invalid"},
		"text one way":      {typeOf[one[oneWay]]("Thing"), "no counterpart"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := derive.Schema(test.typ, "shop")
			require.Empty(t, text)
			require.ErrorContains(t, err, test.says)
			var e *schema.TypeError
			require.ErrorAs(t, err, &e)
		})
	}
}

// A type with methods for text is text, whatever it is made of.
func TestDeriveTakesTextForText(t *testing.T) {
	t.Parallel()
	type ids struct {
		ID    uuid.UUID   `avro:"id,uuid"`
		Plain uuid.UUID   `avro:"plain"`
		Maybe *uuid.UUID  `avro:"maybe,uuid"`
		All   []uuid.UUID `avro:"all,uuid"`
		IP    net.IP      `avro:"ip"`
		Big   *big.Int    `avro:"big"`
	}
	typ := typeOf[ids]("Thing")
	text, err := derive.Schema(typ, "shop")
	require.NoError(t, err)
	for _, field := range []string{
		`{"name": "id", "type": {"type": "string", "logicalType": "uuid"}}`,
		`{"name": "plain", "type": "string"}`,
		`{"name": "maybe", "type": ["null", {"type": "string", "logicalType": "uuid"}], "default": null}`,
		`{"name": "all", "type": {"type": "array", "items": {"type": "string", "logicalType": "uuid"}}}`,
		`{"name": "ip", "type": "string"}`,
		`{"name": "big", "type": ["null", "string"], "default": null}`,
	} {
		require.Contains(t, text, field)
	}
	require.NoError(t, derive.Check(typ, text))
	c, typ := bound[ids](t, registry.NewMemory(), text)
	id := uuid.MustParse("0189c9c2-7d7a-7bbb-8aaa-111111111111")
	want := ids{ID: id, Plain: id, Maybe: &id, All: []uuid.UUID{id}, IP: net.IPv4(10, 0, 0, 1), Big: big.NewInt(77)}
	value, _, err := c.Encode(t.Context(), typ, want)
	require.NoError(t, err)
	var got ids
	require.NoError(t, c.Decode(t.Context(), typ, value, &got))
	require.Equal(t, want, got)
}

// oneWay could be written and not read.
type oneWay string

func (w oneWay) MarshalText() ([]byte, error) { return []byte(w + "!"), nil }

func TestCheckDerived(t *testing.T) {
	t.Parallel()
	type small struct {
		A    int64            `avro:"a" doc:"Above 0."`
		B    *string          `avro:"b"`
		At   time.Time        `avro:"at,timestamp-millis,alias=when"`
		Ink  Colour           `avro:"ink"`
		Hash [4]byte          `avro:"hash"`
		Rate *big.Rat         `avro:"rate,decimal(9,2)"`
		List []inner          `avro:"list,type=Leaf"`
		Map  map[string]int32 `avro:"map"`
	}
	const (
		a    = `{"name":"a","type":"long","doc":"Above 0."}`
		b    = `{"name":"b","type":["null","string"],"default":null}`
		at   = `{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"},"aliases":["when"]}`
		ink  = `{"name":"ink","type":{"type":"enum","name":"Ink","symbols":["UNKNOWN","RED","GREEN"],"default":"UNKNOWN"}}`
		hash = `{"name":"hash","type":{"type":"fixed","name":"Hash","size":4}}`
		rate = `{"name":"rate","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}`
		list = `{"name":"list","type":{"type":"array","items":{"type":"record","name":"Leaf","fields":[{"name":"city","type":"string"}]}}}`
		maps = `{"name":"map","type":{"type":"map","values":"int"}}`
	)
	typ := typeOf[small]("Thing")
	for name, test := range map[string]struct{ old, new, field, says string }{
		"as derived":  {"", "", "", ""},
		"a full name": {`"name":"Thing","namespace":"billing.account"`, `"name":"billing.account.Thing"`, "", ""},
		"more":        {`"a","type":"long",`, `"a","type":"long","default":5,"aliases":["z"],"x":1,`, "", ""},
		"a doc":       {"Above 0.", "Above 1.", "a", `found doc "Above 1."`},
		"a type":      {`"a","type":"long",`, `"a","type":"int",`, "a", "found int, expected long"},
		"no default":  {`,"default":null`, ``, "b", "found no default"},
		"the union": {
			`["null","string"],"default":null`, `["string","null"],"default":""`, "b",
			"found string, expected null",
		},
		"not optional": {
			`["null","string"],"default":null`, `"string"`, "b",
			"found string, expected [null, string]",
		},
		"the unit": {
			`timestamp-millis`, `timestamp-micros`, "at",
			"found long (timestamp-micros), expected long (timestamp-millis)",
		},
		"no alias":  {`,"aliases":["when"]`, ``, "at", `no alias "when"`},
		"the order": {`"RED","GREEN"`, `"GREEN","RED"`, "ink", `found symbols ["UNKNOWN", "GREEN", "RED"]`},
		"no symbol": {`,"default":"UNKNOWN"`, ``, "ink", `with default ""`},
		"a name": {`"Ink"`, `"Hue"`, "ink", "found enum billing.account.Hue, expected " +
			"enum billing.account.Ink"},
		"a size":    {`"size":4`, `"size":5`, "hash", "a fixed of 5 bytes, expected 4"},
		"the scale": {`"scale":2`, `"scale":3`, "rate", "found decimal(9,3)"},
		"deep": {
			`"city","type":"string"`, `"city","type":"bytes"`, "list[].city",
			"found bytes, expected string",
		},
		"in a map":        {`"values":"int"`, `"values":"long"`, "map{}", "found long"},
		"not in the file": {`,` + maps, ``, "map", "not in the file"},
		"not in Go":       {maps, maps + `,{"name":"more","type":"long"}`, "more", "`avro:\"more\"`"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := record(a + "," + b + "," + at + "," + ink + "," + hash + "," + rate + "," + list + "," + maps)
			changed := replaceOnce(t, text, test.old, test.new)
			err := derive.Check(typ, changed)
			if test.field == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, schema.ErrMismatch)
			require.ErrorContains(t, err, test.says)
			var e *schema.TypeError
			require.ErrorAs(t, err, &e)
			require.Equal(t, test.field, e.Field)
			require.Equal(t, "Thing.avsc", e.File)
		})
	}
	require.ErrorIs(t, derive.Check(typ, `{`), schema.ErrInvalidSchema)
	require.ErrorContains(t, derive.Check(typeOf[one[uint8]]("Thing"), record("")), "no counterpart")
}
