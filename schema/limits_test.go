package schema_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/hamba"
	"github.com/fencelog/fencelog/schema/registry"
)

// limited is a value of a type, and whether it may be stored.
type limited struct {
	name, typ string
	value     any
	ok        bool
}

func ofLogical(typ, logicalType string) string {
	return fmt.Sprintf(`{"type":%q,"logicalType":%q}`, typ, logicalType)
}

func ofDecimal(precision, scale int) string {
	return fmt.Sprintf(`{"type":"bytes","logicalType":"decimal","precision":%d,"scale":%d}`, precision, scale)
}

func limits() []limited {
	const day = 24 * time.Hour
	const hues = `{"type":"enum","name":"Hue","symbols":["UNKNOWN","RED","GREEN"]}`
	at := func(year int) time.Time { return time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC) }
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	amount := `{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":3,"scale":1}`
	all := []limited{
		{"UTF-8", `"string"`, "é", true},
		{"no UTF-8", `"string"`, "a\xff", false},
		{"a uuid", ofLogical("string", "uuid"), "0189C9C2-7d7a-7bbb-8aaa-111111111111", true},
		{"no uuid", ofLogical("string", "uuid"), "not a uuid", false},
		{"no uuid at all", ofLogical("string", "uuid"), "", false},
		{"a uuid in braces", ofLogical("string", "uuid"), "{0189c9c2-7d7a-7bbb-8aaa-111111111111}", false},
		{"a uuid of 36 other characters", ofLogical("string", "uuid"), "0189c9c2-7d7a-7bbb-8aaa-11111111111g", false},
		{
			"a uuid of its own type", ofLogical("string", "uuid"),
			uuid.MustParse("0189c9c2-7d7a-7bbb-8aaa-111111111111"), true,
		},
		{"another text of its own type", ofLogical("string", "uuid"), netip.MustParseAddr("::1"), false},
		{"a symbol", hues, Colour("RED"), true},
		{"no symbol", hues, Colour("BLUE"), false},
		{"a decimal", ofDecimal(5, 2), big.NewRat(-99999, 100), true},
		{"a decimal of too many digits", ofDecimal(5, 2), big.NewRat(100000, 100), false},
		{"a decimal of too many digits below zero", ofDecimal(5, 2), big.NewRat(-100000, 100), false},
		{"a decimal beyond its scale", ofDecimal(5, 2), big.NewRat(1, 1000), false},
		{"no decimal", ofDecimal(5, 2), (*big.Rat)(nil), false},
		{"a fixed decimal", amount, [2]byte{0x03, 0xe7}, true},
		{"a fixed decimal below zero", amount, [2]byte{0xfc, 0x19}, true},
		{"a fixed decimal of too many digits", amount, [2]byte{0x03, 0xe8}, false},
		{"a fixed decimal of too many digits below zero", amount, [2]byte{0xfc, 0x18}, false},
		{"not a number", `"double"`, math.NaN(), true},
		{"infinite", `"float"`, float32(math.Inf(1)), true},
		{"a long that counts", ofLogical("long", "apples"), int64(math.MaxInt64), true},
		{"an int that is called a day", ofLogical("long", "date"), int64(math.MaxInt64), true},
	}
	for _, d := range []struct {
		d  time.Duration
		ok bool
	}{{0, true}, {day - time.Millisecond, true}, {day, false}, {25 * time.Hour, false}, {-time.Millisecond, false}} {
		all = append(all,
			limited{"time-micros " + d.d.String(), ofLogical("long", "time-micros"), d.d, d.ok},
			limited{"time-millis " + d.d.String(), ofLogical("int", "time-millis"), d.d, d.ok},
			limited{
				"time-micros as a number " + d.d.String(), ofLogical("long", "time-micros"), d.d.Microseconds(),
				d.ok,
			},
			limited{
				"time-millis as a number " + d.d.String(), ofLogical("int", "time-millis"),
				int32(d.d.Milliseconds()), d.ok,
			})
	}
	for _, unit := range []string{
		"timestamp-millis", "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros",
	} {
		all = append(all,
			limited{unit + " 0", ofLogical("long", unit), time.Time{}, true},
			limited{unit + " 9999", ofLogical("long", unit), last, true},
			limited{unit + " 10000", ofLogical("long", unit), at(10_000), false},
			limited{unit + " -1", ofLogical("long", unit), at(-1), false},
			limited{unit + " 300000", ofLogical("long", unit), at(300_000), false},
			limited{unit + " as a number", ofLogical("long", unit), int64(-1), true},
			limited{unit + " as a number, too large", ofLogical("long", unit), int64(math.MaxInt64), false},
			limited{unit + " as a number, too small", ofLogical("long", unit), int64(math.MinInt64), false})
	}
	return append(all,
		limited{"nanos", ofLogical("long", "timestamp-nanos"), at(2261), true},
		limited{"nanos 2300", ofLogical("long", "timestamp-nanos"), at(2300), false},
		limited{"nanos 1600", ofLogical("long", "local-timestamp-nanos"), at(1600), false},
		limited{"date", ofLogical("int", "date"), at(1), true},
		limited{"date 9999", ofLogical("int", "date"), last, true},
		limited{"date 10000", ofLogical("int", "date"), at(10_000), false},
		limited{"date 0", ofLogical("int", "date"), at(0), false},
		limited{"date 9999 as a number", ofLogical("int", "date"), int32(2_932_896), true},
		limited{"date 10000 as a number", ofLogical("int", "date"), int32(2_932_897), false},
		limited{"date 1 as a number", ofLogical("int", "date"), int32(-719_162), true},
		limited{"date 0 as a number", ofLogical("int", "date"), int32(-719_163), false})
}

// within is a field that leads to values of a type.
type within struct {
	path, typ string // typ has %s for the type
	of        func(v reflect.Value) reflect.Value
}

func pointerTo(v reflect.Value) reflect.Value {
	if v.Type() == reflect.TypeFor[*big.Rat]() {
		return v // is optional by itself
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p
}

func structOf(name string, v reflect.Value) reflect.Value {
	tag := reflect.StructTag(fmt.Sprintf("avro:%q", name))
	s := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "F", Type: v.Type(), Tag: tag}})).Elem()
	s.Field(0).Set(v)
	return s
}

func withins() []within {
	slice := func(v reflect.Value) reflect.Value {
		return reflect.Append(reflect.MakeSlice(reflect.SliceOf(v.Type()), 0, 1), v)
	}
	byKey := func(v reflect.Value) reflect.Value {
		m := reflect.MakeMap(reflect.MapOf(reflect.TypeFor[string](), v.Type()))
		m.SetMapIndex(reflect.ValueOf("k"), v)
		return m
	}
	return []within{
		{"f", `%s`, func(v reflect.Value) reflect.Value { return v }},
		{"f", `["null",%s]`, pointerTo},
		{"f[]", `{"type":"array","items":%s}`, slice},
		{
			"f{}.in", `{"type":"map","values":{"type":"record","name":"In","fields":[{"name":"in","type":%s}]}}`,
			func(v reflect.Value) reflect.Value { return byKey(structOf("in", v)) },
		},
		{
			"f.in[]",
			`["null",{"type":"record","name":"In","fields":[{"name":"in","type":{"type":"array","items":["null",%s]}}]}]`,
			func(v reflect.Value) reflect.Value { return pointerTo(structOf("in", slice(pointerTo(v)))) },
		},
	}
}

// Encode refuses a value that a reader in another language would fail on. It names the field,
// wherever the value is and whichever engine would store it. A value that is stored can be read
// back.
func TestEncodeRefusesWhatOthersCannotRead(t *testing.T) {
	t.Parallel()
	stored, refused, unsupported := 0, 0, 0
	for _, e := range []schema.Engine{schema.Twmb{}, hamba.Engine{}} {
		for _, l := range limits() {
			for _, in := range withins() {
				if rat, ok := l.value.(*big.Rat); ok && rat == nil && in.path != "f" {
					continue
				}
				event := structOf("f", in.of(reflect.ValueOf(l.value)))
				name := fmt.Sprintf("%T, %s in %s %s", e, l.name, in.path, in.typ)
				err := storeOne(t, e, fmt.Sprintf(in.typ, l.typ), event)
				isNull := l.name == "no decimal" && in.typ != `%s`
				switch {
				case errors.Is(err, schema.ErrUnsupported):
					unsupported++
				case l.ok || isNull:
					require.NoError(t, err, name)
					stored++
				default:
					require.ErrorIs(t, err, schema.ErrMismatch, name)
					var mismatch *schema.EncodeError
					require.ErrorAs(t, err, &mismatch, name)
					require.ErrorContains(t, err, in.path, name)
					refused++
				}
			}
		}
	}
	t.Logf("%d stored, %d refused, %d unsupported", stored, refused, unsupported)
	require.Positive(t, unsupported)
}

// storeOne encodes an event with one field and decodes it.
func storeOne(t *testing.T, e schema.Engine, typ string, v reflect.Value) error {
	t.Helper()
	c, err := registry.NewCodec(registry.NewMemory(), thing(record(`{"name":"f","type":`+typ+`}`)),
		schema.Config{Engine: e})
	require.NoError(t, err)
	what := event.Type{Category: accountAggregate, Name: "Thing", Go: v.Type()}
	if err := c.Bind(t.Context(), []event.Type{what}); err != nil {
		return err
	}
	value, _, err := c.Encode(t.Context(), what, v.Interface())
	if err != nil {
		return err
	}
	return c.Decode(t.Context(), what, value, reflect.New(v.Type()).Interface())
}

// Decode still reads values that were stored before there were limits.
func TestLimitsAreOfWhatIsStored(t *testing.T) {
	t.Parallel()
	c, typ := bound[one[string]](t, registry.NewMemory(), field1(ofLogical("string", "uuid")))
	var got one[string]
	require.NoError(t, c.Decode(t.Context(), typ, []byte{0, 0, 0, 0, 1, 2, 'x'}, &got))
	require.Equal(t, "x", got.F)
}

// A string that is not UTF-8 is damaged: in the event itself, deeper, or as a key.
func TestStringsAreTextWhereTheyAreRead(t *testing.T) {
	t.Parallel()
	c, typ := bound[one[string]](t, registry.NewMemory(), field1(`"string"`))
	err := c.Decode(t.Context(), typ, []byte{0, 0, 0, 0, 1, 2, 0xff}, new(one[string]))
	require.ErrorIs(t, err, schema.ErrMalformed)
	require.ErrorContains(t, err, `field "f" is not UTF-8`)
	c, typ = bound[one[[]string]](t, registry.NewMemory(), field1(`{"type":"array","items":"string"}`))
	err = c.Decode(t.Context(), typ, []byte{0, 0, 0, 0, 1, 4, 2, 'x', 2, 0xff, 0}, new(one[[]string]))
	require.ErrorIs(t, err, schema.ErrMalformed)
	require.ErrorContains(t, err, `field "f[]" is not UTF-8`)

	c, typ = bound[one[map[string]int64]](t, registry.NewMemory(), field1(`{"type":"map","values":"long"}`))
	err = c.Decode(t.Context(), typ, []byte{0, 0, 0, 0, 1, 2, 2, 0xff, 2, 0}, new(one[map[string]int64]))
	require.ErrorIs(t, err, schema.ErrMalformed)
	require.ErrorContains(t, err, `field "f{}" is not UTF-8`)
	_, _, err = c.Encode(t.Context(), typ, one[map[string]int64]{map[string]int64{"x": 1, "\xff": 1}})
	require.ErrorIs(t, err, schema.ErrMismatch)
	require.ErrorContains(t, err, `field "f{}" is not UTF-8`)
	_, _, err = c.Encode(t.Context(), typ, one[map[string]int64]{map[string]int64{"x": 1, "é": 1}})
	require.NoError(t, err)
}

func field1(typ string) string { return record(`{"name":"f","type":` + typ + `}`) }
