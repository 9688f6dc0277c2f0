package derive_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/derive"
)

type (
	// street has a method SchemaName, town has none.
	town struct {
		Name string `avro:"name"`
	}
	street struct {
		Name string  `avro:"name"`
		Next *street `avro:"next"`
	}
	moved struct {
		From town            `avro:"from"`
		To   *town           `avro:"to"`
		Over []town          `avro:"over"`
		By   map[string]town `avro:"by"`
		Near street          `avro:"near"`
	}
	visited struct {
		Where town     `avro:"where"`
		Along []street `avro:"along"`
	}
	visitedTagged struct {
		Where town     `avro:"where,type=From"`
		Along []street `avro:"along"`
	}
)

// SchemaName implements derive.Named.
func (street) SchemaName() string { return "Street" }

// derived returns sources with the derived files of the types.
func derived(t *testing.T, types ...event.Type) schema.Sources {
	t.Helper()
	files := fstest.MapFS{}
	for _, typ := range types {
		text, err := derive.Schema(typ, "shop")
		require.NoError(t, err)
		require.NoError(t, derive.Check(typ, text))
		files[typ.Name+".avsc"] = &fstest.MapFile{Data: []byte(text)}
	}
	return schema.Sources{accountAggregate: files}
}

func TestOneGoTypeIsOneRecord(t *testing.T) {
	t.Parallel()
	moves, visits, tagged := typeOf[moved]("Moved"), typeOf[visited]("Visited"), typeOf[visitedTagged]("Visited")
	text, err := derive.Schema(moves, "shop")
	require.NoError(t, err)
	require.Equal(t, `{
  "type": "record",
  "name": "Moved",
  "namespace": "shop",
  "fields": [
    {"name": "from", "type": {"type": "record", "name": "From", "fields": [{"name": "name", "type": "string"}]}},
    {"name": "to", "type": ["null", "From"], "default": null},
    {"name": "over", "type": {"type": "array", "items": "From"}},
    {"name": "by", "type": {"type": "map", "values": "From"}},
    {"name": "near", "type": {"type": "record", "name": "Street", "fields": [{"name": "name", "type": "string"}, {"name": "next", "type": ["null", "Street"], "default": null}]}}
  ]
}
`, text)
	require.NoError(t, derive.CheckNames(derived(t, moves), []event.Type{moves}))

	err = derive.CheckNames(derived(t, moves, visits), []event.Type{moves, visits})
	require.ErrorIs(t, err, schema.ErrMismatch)
	require.ErrorContains(t, err,
		`field "where": mismatch of Go type and schema: Go type derive_test.town is shop.Where here `+
			`and shop.From in Account.Moved, field "from"`)
	require.NotContains(t, err.Error(), "treet", "it has one name in both")

	require.NoError(t, derive.CheckNames(derived(t, moves, tagged), []event.Type{moves, tagged}))
}

func TestATagContradictsNoName(t *testing.T) {
	t.Parallel()
	_, err := derive.Schema(typeOf[struct {
		F street `avro:"f,type=Road"`
	}]("Thing"), "shop")
	require.ErrorContains(t, err, "says that it is called Street")
}
