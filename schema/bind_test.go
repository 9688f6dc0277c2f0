package schema_test

import (
	"context"
	"errors"
	"io/fs"
	"math/big"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestBindNeedsRegisteredSchemas(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	service, err := schema.NewCodec(m, accountSources(), schema.Config{})
	require.NoError(t, err)
	types := []event.Type{created(), credited()}

	err = service.Bind(t.Context(), types)
	require.ErrorIs(t, err, schema.ErrNotFound)
	for _, says := range []string{createdSubject, creditedSubject, "deployment step", "AccountCreated.avsc"} {
		require.ErrorContains(t, err, says)
	}
	_, err = m.Latest(t.Context(), createdSubject)
	require.ErrorIs(t, err, schema.ErrNotFound, "nothing is registered silently")
	_, _, err = service.Encode(t.Context(), created(), exampleCreated())
	require.ErrorIs(t, err, schema.ErrNotBound)

	require.NoError(t, newCodec(t, m, accountSources()).Bind(t.Context(), types))
	require.NoError(t, service.Bind(t.Context(), types))
	_, revision, err := service.Encode(t.Context(), created(), exampleCreated())
	require.NoError(t, err)
	require.Equal(t, 1, revision)
}

func TestBindUsesPrefix(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	c, err := registry.NewCodec(m, accountSources(), schema.Config{Prefix: "staging"})
	require.NoError(t, err)
	require.NoError(t, c.Bind(t.Context(), []event.Type{created()}))
	_, err = m.Latest(t.Context(), "staging.account.events-billing.account.AccountCreated")
	require.NoError(t, err)
}

func TestBindRefusesIncompatibleRevision(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	_, err := m.Register(t.Context(), thingSubject, v1)
	require.NoError(t, err)
	type ac struct {
		A string `avro:"a"`
		C int64  `avro:"c"`
	}
	err = newCodec(t, m, thing(bad)).Bind(t.Context(), []event.Type{typeOf[ac]("Thing")})
	require.ErrorIs(t, err, schema.ErrIncompatible)
	require.ErrorContains(t, err, thingSubject)
	require.ErrorContains(t, err, "c")
}

func TestBindReportsAllMistakes(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	type pay struct {
		Amount int64 `avro:"amount"`
	}
	text := func(name string) string {
		return `{"type":"record","name":"` + name +
			`","namespace":"billing.account","fields":[{"name":"amount","type":"long"}]}`
	}
	sources := schema.Sources{accountAggregate: fstest.MapFS{
		"Good.avsc":      {Data: []byte(text("Good"))},
		"Broken.avsc":    {Data: []byte(`{"type":`)},
		"Renamed.avsc":   {Data: []byte(text("Other"))},
		"Nameless.avsc":  {Data: []byte(`{"type":"record","name":"Nameless","fields":[]}`)},
		"NoRecord.avsc":  {Data: []byte(`{"type":"enum","name":"NoRecord","namespace":"a.b","symbols":["A"]}`)},
		"Different.avsc": {Data: []byte(text("Different"))},
	}}
	type cents struct {
		Cents int64 `avro:"cents"`
	}
	err := newCodec(t, m, sources).Bind(t.Context(), []event.Type{
		typeOf[pay]("Good"), typeOf[pay]("Missing"), typeOf[pay]("Broken"), typeOf[pay]("Renamed"),
		typeOf[pay]("Nameless"),
		typeOf[pay]("NoRecord"), typeOf[cents]("Different"),
		{Category: "Saga", Name: "Good", Go: typeOf[pay]("").Go},
		{Category: accountAggregate, Name: "Good"},
	})
	for _, says := range []string{
		"Account.Missing, Missing.avsc: no schema file",
		"Account.Broken, Broken.avsc: schema invalid",
		`Account.Renamed, Renamed.avsc: schema invalid: found a record named "Other", expected "Renamed"`,
		`Account.Nameless, Nameless.avsc: schema invalid: the record has no namespace`,
		`Account.NoRecord, NoRecord.avsc: schema invalid: found a schema of type "enum"`,
		`Account.Different, Different.avsc, field "cents"`,
		`Account.Different, Different.avsc, field "amount"`,
		`no files given for category "Saga"`,
		`found Go type <nil>, expected a struct`,
	} {
		require.ErrorContains(t, err, says)
	}
	for _, reason := range []error{schema.ErrNoSchema, schema.ErrInvalidSchema, schema.ErrMismatch, fs.ErrNotExist} {
		require.ErrorIs(t, err, reason)
	}
	_, err = m.Latest(t.Context(), "fencelog.account.events-billing.account.Good")
	require.ErrorIs(t, err, schema.ErrNotFound, "nothing is registered when something is wrong")
}

func TestBindAgain(t *testing.T) {
	t.Parallel()
	c := newCodec(t, registry.NewMemory(), accountSources())
	require.NoError(t, c.Bind(t.Context(), []event.Type{created()}))
	require.NoError(t, c.Bind(t.Context(), []event.Type{created(), credited()}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, c.Bind(ctx, []event.Type{created()}), "what is bound needs no registry")
	for typ, e := range map[event.Type]any{
		created():  exampleCreated(),
		credited(): AccountCredited{TransactionID: "0189c9c2-7d7a-7bbb-8aaa-111111111111"},
	} {
		_, _, err := c.Encode(t.Context(), typ, e)
		require.NoError(t, err)
	}
}

func TestBindOneGoTypeUnderTwoNames(t *testing.T) {
	t.Parallel()
	text := func(name, namespace string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"type":"record","name":"` + name + `","namespace":"` + namespace +
			`","fields":[{"name":"a","type":"string"}]}`)}
	}
	c := newCodec(t, registry.NewMemory(), schema.Sources{
		"Account": fstest.MapFS{"Opened.avsc": text("Opened", "account"), "Closed.avsc": text("Closed", "account")},
		"Saga":    fstest.MapFS{"Opened.avsc": text("Opened", "saga")},
	})
	opened, closed, saga := typeOf[a]("Opened"), typeOf[a]("Closed"), typeOf[a]("Opened")
	saga.Category = "Saga"
	require.NoError(t, c.Bind(t.Context(), []event.Type{opened, closed}))
	require.NoError(t, c.Bind(t.Context(), []event.Type{saga}))
	for i, typ := range []event.Type{opened, closed, saga} {
		value, _, err := c.Encode(t.Context(), typ, a{"x"})
		require.NoError(t, err)
		require.Equal(t, []byte{0, 0, 0, 0, byte(i + 1), 2, 'x'}, value)
		var got a
		require.NoError(t, c.Decode(t.Context(), typ, value, &got))
		require.Equal(t, a{"x"}, got)
	}
	var got a
	err := c.Decode(t.Context(), saga, []byte{0, 0, 0, 0, 1, 2, 'x'}, &got)
	require.ErrorIs(t, err, schema.ErrWrongRecord)
}

func TestNewCodecReportsAllMistakes(t *testing.T) {
	t.Parallel()
	_, err := schema.NewCodec(nil, schema.Sources{"Saga": nil}, schema.Config{})
	require.ErrorContains(t, err, "no registry given")
	require.ErrorContains(t, err, `source of category "Saga" is nil`)
}

// Colour is stored as an enum.
type Colour string

// Symbols implements schema.Enum.
func (Colour) Symbols() []string { return []string{"UNKNOWN", "RED", "GREEN"} }

// oneWay could be written and not read.
type oneWay string

func (w oneWay) MarshalText() ([]byte, error) { return []byte(w + "!"), nil }

// fitsCase binds E to a schema with the given fields; wrong is the field that the error must name,
// empty if it fits.
type fitsCase struct {
	typ    event.Type
	fields string
	wrong  string
	says   string
}

type (
	node struct {
		Name string `avro:"name"`
		Next *node  `avro:"next"`
	}
	inner struct {
		City string `avro:"city"`
	}
	hidden struct {
		A string `avro:"a"`
		b string //nolint:unused // the test is about it
	}
	Inner    inner
	embedded struct {
		Inner
	}
	one[T any] struct {
		F T `avro:"f"`
	}
)

func fits[T any](typ string) fitsCase {
	return fitsCase{typ: typeOf[one[T]]("Thing"), fields: `{"name":"f","type":` + typ + `}`}
}

func wrong[T any](typ, field, says string) fitsCase {
	c := fits[T](typ)
	c.wrong, c.says = field, says
	return c
}

const (
	cityRecord = `{"type":"record","name":"Address","fields":[{"name":"city","type":"string"}]}`
	nodeRecord = `{"type":"record","name":"Node","fields":[{"name":"name","type":"string"},{"name":"next","type":["null","Node"]}]}`
	colourEnum = `{"type":"enum","name":"Colour","symbols":["RED"]}`
)

func fittingCases() map[string]fitsCase {
	type named string
	type minor int64
	return map[string]fitsCase{
		"boolean": fits[bool](`"boolean"`), "int": fits[int32](`"int"`), "long": fits[int64](`"long"`),
		"named long":  fits[minor](`"long"`),
		"long as int": fits[int](`"long"`), "float": fits[float32](`"float"`), "double": fits[float64](`"double"`),
		"string": fits[string](`"string"`), "named string": fits[named](`"string"`), "bytes": fits[[]byte](`"bytes"`),
		"fixed": fits[[4]byte](`{"type":"fixed","name":"F","size":4}`), "enum": fits[named](colourEnum),
		"timestamp": fits[time.Time](`{"type":"long","logicalType":"timestamp-millis"}`),
		"date":      fits[time.Time](`{"type":"int","logicalType":"date"}`),
		"duration":  fits[time.Duration](`{"type":"long","logicalType":"time-micros"}`),
		"decimal":   fits[*big.Rat](`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`),
		"optional":  fits[*int64](`["null","long"]`), "optional, null last": fits[*int64](`["long","null"]`),
		"array":  fits[[]string](`{"type":"array","items":"string"}`),
		"map":    fits[map[string]int64](`{"type":"map","values":"long"}`),
		"record": fits[inner](cityRecord), "recursive": fits[node](nodeRecord), "text": fits[big.Int](`"string"`),
		"optional decimal":  fits[*big.Rat](`["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]`),
		"enum with symbols": fits[Colour](`{"type":"enum","name":"Ink","symbols":["GREEN","UNKNOWN","RED"]}`),
		"unit by tag": {typ: typeOf[struct {
			F map[string][]*time.Time `avro:"f,timestamp-nanos,alias=g"`
		}]("Thing"), fields: `{"name":"f","type":{"type":"map","values":{"type":"array","items":["null",{"type":"long","logicalType":"timestamp-nanos"}]}}}`},
		"left out": {typ: typeOf[struct {
			F string `avro:"f"`
			G string `avro:"-"`
			h string `avro:"-"`
		}]("Thing"), fields: `{"name":"f","type":"string"}`},
	}
}

func misfitCases() map[string]fitsCase {
	return map[string]fitsCase{
		"boolean": wrong[int32](`"boolean"`, "f", "found Go type int32, expected bool"),
		// A wider or narrower type would fail on the first big amount, in production.
		"int in int64":    wrong[int64](`"int"`, "f", `make it "long"`),
		"long in int32":   wrong[int32](`"long"`, "f", "expected int64"),
		"unsigned":        wrong[uint64](`"long"`, "f", "expected int64"),
		"raw duration":    wrong[time.Duration](`"long"`, "f", "expected int64"),
		"float in double": wrong[float32](`"double"`, "f", "float64"),
		"double in float": wrong[float64](`"float"`, "f", "float32"),
		"long in string":  wrong[string](`"long"`, "f", "found Go type string"),
		"string in long":  wrong[int64](`"string"`, "f", "found Go type int64"),
		"bytes":           wrong[string](`"bytes"`, "f", "[]byte"),
		"fixed":           wrong[[3]byte](`{"type":"fixed","name":"F","size":4}`, "f", "[4]byte"),
		"enum":            wrong[int32](colourEnum, "f", "a string type"),
		"time":            wrong[time.Time](`"long"`, "f", "expected int64"),
		"date":            wrong[int64](`{"type":"int","logicalType":"date"}`, "f", "time.Time"),
		"decimal": wrong[[]byte](`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`,
			"f", "*big.Rat"),
		"optional in plain":  wrong[int64](`["null","long"]`, "f", "expected a pointer"),
		"plain in pointer":   wrong[*int64](`"long"`, "f", "found Go type *int64"),
		"optional of wrong":  wrong[*string](`["null","long"]`, "f", "found Go type string"),
		"union":              wrong[any](`["null","long","string"]`, "f", "a union of 3 types"),
		"union without null": wrong[*int64](`["long","string"]`, "f", "a union of 2 types"),
		"array":              wrong[string](`{"type":"array","items":"string"}`, "f", "a slice"),
		"item":               wrong[[]string](`{"type":"array","items":"long"}`, "f[]", "found Go type string"),
		"map":                wrong[map[int]string](`{"type":"map","values":"string"}`, "f", "string keys"),
		"value": wrong[map[string]string](`{"type":"map","values":"long"}`, "f{}",
			"found Go type string"),
		"record":            wrong[string](cityRecord, "f", "a struct"),
		"field of record":   wrong[struct{}](cityRecord, "f.city", "has no such field"),
		"null":              wrong[any](`"null"`, "f", "no Go counterpart"),
		"not in Go":         {typeOf[struct{}]("Thing"), `{"name":"f","type":"long"}`, "f", "`avro:\"f\"`"},
		"not in the schema": {typeOf[one[int64]]("Thing"), ``, "f", "Go field F (int64) is not in the schema"},
		"without tag": {
			typeOf[struct{ OwnerID string }]("Thing"), ``, "OwnerID",
			"no name to be stored under",
		},
		"not exported": {typeOf[hidden]("Thing"), `{"name":"a","type":"string"}`, "b", "not exported"},
		"embedded": {
			typeOf[embedded]("Thing"), `{"name":"city","type":"string"}`, "Inner",
			"Go field is embedded",
		},
		"by reference, elsewhere": {typeOf[twoColours]("Thing"), `{"name":"a","type":` + colourEnum +
			`},{"name":"b","type":"Colour"}`, "b", "a string type"},
		"omitzero": {typeOf[struct {
			F int64 `avro:"f,omitzero"`
		}]("Thing"), `{"name":"f","type":"long","default":5}`, "F", "omitzero"},
		"symbol not in the schema": wrong[Colour](`{"type":"enum","name":"Ink","symbols":["UNKNOWN","RED"]}`,
			"f", `the schema's enum has no symbol "GREEN"`),
		"symbol not in Go": wrong[Colour](`{"type":"enum","name":"Ink","symbols":["UNKNOWN","RED","GREEN","BLUE"]}`, "f", `has symbol "BLUE"`),
		"symbols, deep": wrong[[]map[string]*Colour](`{"type":"array","items":{"type":"map","values":["null",`+colourEnum+`]}}`,
			"f[]{}", `no symbol "UNKNOWN"`),
		"text one way": wrong[oneWay](`"string"`, "f", "both MarshalText and UnmarshalText"),
		"another unit": {
			typeOf[struct {
				F time.Time `avro:"f,timestamp-millis"`
			}]("Thing"), `{"name":"f","type":{"type":"long","logicalType":"timestamp-micros"}}`, "f",
			"the Go field's tag says timestamp-millis",
		},
		"another unit, deep": {typeOf[struct {
			F map[string][]*time.Time `avro:"f,timestamp-millis"`
		}]("Thing"), `{"name":"f","type":{"type":"map","values":{"type":"array","items":["null",{"type":"long","logicalType":"timestamp-micros"}]}}}`, "f{}[]", "timestamp-millis"},
		"another scale": {
			typeOf[struct {
				F *big.Rat `avro:"f,decimal(9,3)"`
			}]("Thing"), `{"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}`, "f",
			"decimal(9,2)",
		},
		"unknown option": {typeOf[struct {
			F int64 `avro:"f,unique"`
		}]("Thing"), `{"name":"f","type":"long"}`, "F", `"unique" is unknown`},
		"two of one name": {typeOf[struct {
			F int64 `avro:"f"`
			G int64 `avro:"f"`
		}]("Thing"), `{"name":"f","type":"long"}`, "f", "F and G both"},
	}
}

type twoColours struct {
	A string `avro:"a"`
	B int64  `avro:"b"`
}

func TestBindChecksFields(t *testing.T) {
	t.Parallel()
	run := func(name string, test fitsCase) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := newCodec(t, registry.NewMemory(), thing(record(test.fields))).Bind(t.Context(),
				[]event.Type{test.typ})
			if test.wrong == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, schema.ErrMismatch)
			require.ErrorContains(t, err, test.says)
			var e *schema.TypeError
			require.True(t, errors.As(err, &e))
			require.Equal(t, test.wrong, e.Field)
			require.Equal(t, "Thing.avsc", e.File)
		})
	}
	for name, test := range fittingCases() {
		run("fits "+name, test)
	}
	for name, test := range misfitCases() {
		run("refuses "+name, test)
	}
}
