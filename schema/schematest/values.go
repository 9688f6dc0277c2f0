package schematest

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

const headerSize = 5 // the zero byte and the schema id

// value is a case that encodes v, and expects the given bytes after the header, in hexadecimal. It
// decodes them, into the zero value and into what is there from other. It expects an error for the
// bytes cut at each byte, and with one more.
func value[E any](name, text, want string, v, other E) engineCase {
	return engineCase{name, func(ctx context.Context, e schema.Engine) error {
		m := registry.NewMemory()
		c, err := bind[E](ctx, m, "suite", e, text)
		if err != nil {
			return err
		}
		encoded, err := c.encode(ctx, v)
		if err != nil {
			return err
		}
		if got := hex.EncodeToString(encoded[headerSize:]); got != want {
			return fmt.Errorf("encode: found %s, expected %s", got, want)
		}
		if err := c.decodes(ctx, encoded, v, other); err != nil {
			return err
		}
		return c.refusesDamaged(ctx, encoded)
	}}
}

func (c codec[E]) refusesDamaged(ctx context.Context, encoded []byte) error {
	var into E
	for cut := headerSize; cut < len(encoded); cut++ {
		if err := expect(c.decode(ctx, encoded[:cut], &into), fmt.Sprintf("cut at byte %d", cut),
			schema.ErrMalformed); err != nil {
			return err
		}
	}
	more := append(bytes.Clone(encoded), 0)
	return expect(c.decode(ctx, more, &into), "one byte more", schema.ErrTrailingBytes)
}

// single is a case of an event with one field of the given type.
func single[T any](name, typ, want string, v, other T) engineCase {
	return value(name, f(typ), want, one[T]{v}, one[T]{other})
}

type (
	colour  string
	shouted string
	hexed   string
	raw     struct{ text string }
	leaf    struct {
		City string  `avro:"city"`
		Zip  *string `avro:"zip"`
	}
	tree struct {
		Name string `avro:"name"`
		Next *tree  `avro:"next"`
	}
)

// MarshalText shows that it was called.
func (s shouted) MarshalText() ([]byte, error) { return []byte(s + "!"), nil }

// UnmarshalText takes back what MarshalText added.
func (s *shouted) UnmarshalText(text []byte) error {
	*s = shouted(strings.TrimSuffix(string(text), "!"))
	return nil
}

// MarshalText makes text of any bytes.
func (h hexed) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, []byte(h)), nil }

// UnmarshalText is the way back.
func (h *hexed) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = hexed(b)
	return err
}

// MarshalText returns what is no text if it was given some.
func (r raw) MarshalText() ([]byte, error) { return []byte(r.text), nil }

// UnmarshalText takes anything.
func (r *raw) UnmarshalText(text []byte) error {
	r.text = string(text)
	return nil
}

const (
	enumType = `{"type":"enum","name":"Colour","symbols":["UNKNOWN","RED","GREEN"],"default":"UNKNOWN"}`
	leafType = `{"type":"record","name":"Leaf","fields":[{"name":"city","type":"string"},{"name":"zip","type":["null","string"]}]}`
	treeType = `{"type":"record","name":"Tree","fields":[{"name":"name","type":"string"},{"name":"next","type":["null","Tree"]}]}`
)

func logical(typ, logicalType string) string {
	return `{"type":"` + typ + `","logicalType":"` + logicalType + `"}`
}

func valueCases() []engineCase {
	const decimal = `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`
	at := time.Date(2026, 2, 1, 9, 30, 0, 123_456_000, time.UTC)
	early := time.Date(1969, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
	return []engineCase{
		single("boolean", `"boolean"`, "01", true, false),
		single("int, smallest", `"int"`, "ffffffff0f", int32(math.MinInt32), 7),
		single("long, largest", `"long"`, "feffffffffffffffff01", int64(math.MaxInt64), 7),
		single("long, in an int", `"long"`, "8d01", -71, 7),
		single("float", `"float"`, "0000c03f", float32(1.5), 7),
		single("double, infinite", `"double"`, "000000000000f0ff", math.Inf(-1), 7),
		single("string", `"string"`, "0cc3a9e29c9321", "é✓!", "before"),
		single("string, empty", `"string"`, "00", "", "before"),
		single("string, of a type that marshals itself", `"string"`, "06686921", shouted("hi"), "before"),
		single("string, of a type that makes text of bytes", `"string"`, "0866663030", hexed("\xff\x00"), "before"),
		single("bytes", `"bytes"`, "0400ff", []byte{0, 255}, []byte{1, 2, 3}),
		single("fixed", `{"type":"fixed","name":"F","size":4}`, "01020304", [4]byte{1, 2, 3, 4}, [4]byte{9}),
		single("enum with default", enumType, "04", colour("GREEN"), "RED"),
		single("uuid", logical("string", "uuid"),
			"48"+hex.EncodeToString([]byte("0189c9c2-7d7a-7bbb-8aaa-111111111111")),
			"0189c9c2-7d7a-7bbb-8aaa-111111111111", ""),
		single("text of a type with methods on its pointer", `"string"`, "043737", *big.NewInt(77), *big.NewInt(5)),
		single("timestamp-millis", logical("long", "timestamp-millis"), "f698cd888367", at.Truncate(time.Millisecond),
			at),
		single("timestamp-micros", logical("long", "timestamp-micros"), "80e18a9bfbefa406", at, early),
		single("timestamp-micros before 1970", logical("long", "timestamp-micros"), "cf0f", early, at),
		single("timestamp-micros, the zero time", logical("long", "timestamp-micros"), "ffffddf2dfffdfdc01",
			time.Time{}, at),
		single("timestamp-nanos", logical("long", "timestamp-nanos"), "80e885cccbda8a9031", at, early),
		single("local-timestamp-micros", logical("long", "local-timestamp-micros"), "80e18a9bfbefa406", at, early),
		single("timestamp-micros as a number", logical("long", "timestamp-micros"), "0e", int64(7), 9),
		single("date", logical("int", "date"), "01", time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), at),
		single("time-millis", logical("int", "time-millis"), "80979305", 90*time.Minute, time.Second),
		single("time-micros", logical("long", "time-micros"), "80d8eb9d28", 90*time.Minute, time.Second),
		single("time-micros as a number", logical("long", "time-micros"), "0e", int64(7), 9),
		single("decimal", decimal, "04cfc7", big.NewRat(-12345, 100), big.NewRat(1, 1)),
		single("optional, there", `["null","long"]`, "0254", new(int64(42)), nil),
		single("optional, not there", `["null","long"]`, "00", nil, new(int64(7))),
		single("optional, null last", `["long","null"]`, "0054", new(int64(42)), nil),
		single("optional string, null last and not there", `["string","null"]`, "02", nil, new("before")),
		single("optional time", `["null",`+logical("long", "timestamp-micros")+`]`, "0280e18a9bfbefa406", &at, &early),
		single("optional enum", `["null",`+enumType+`]`, "0202", new(colour("RED")), new(colour("GREEN"))),
		single("optional bytes", `["null","bytes"]`, "020201", new([]byte{1}), new([]byte{9})),
		single("optional record", `["null",`+leafType+`]`, "02024100", &leaf{City: "A"},
			&leaf{City: "B", Zip: new("1")}),
		single("array", `{"type":"array","items":"string"}`, "0402610000", []string{"a", ""}, []string{"x", "y", "z"}),
		single("array, empty", `{"type":"array","items":"string"}`, "00", []string{}, []string{"x"}),
		single("array of optionals", `{"type":"array","items":["null","long"]}`, "0400020200",
			[]*int64{nil, new(int64(1))}, nil),
		single("array of records", `{"type":"array","items":`+leafType+`}`, "02024102023100", []leaf{{"A", new("1")}},
			[]leaf{{"B", nil}, {"C", nil}}),
		single("map", `{"type":"map","values":"long"}`, "02026b5400", map[string]int64{"k": 42},
			map[string]int64{"other": 1}),
		single("map of records", `{"type":"map","values":`+leafType+`}`, "02026b02410000",
			map[string]leaf{"k": {City: "A"}}, map[string]leaf{"k": {City: "B"}}),
		single("nested record", leafType, "0241020231", leaf{"A", new("1")}, leaf{City: "B"}),
		single("recursive record", treeType, "026102026200", tree{"a", &tree{"b", nil}},
			tree{"x", &tree{"y", &tree{"z", nil}}}),
		value("fields in another order than in Go", record(field("b", `"long"`), field("a", `"string"`)), "540278",
			ab{"x", 42}, ab{"y", 1}),
		{"leaves alone what the event led to before", leavesAlone},
		value("a record without fields", record(), "", struct{}{}, struct{}{}),
	}
}

// leavesAlone: an event may share what it leads to with another one.
func leavesAlone(ctx context.Context, e schema.Engine) error {
	c, err := bind[one[*int64]](ctx, registry.NewMemory(), "suite", e, f(`["null","long"]`))
	if err != nil {
		return err
	}
	value, err := c.encode(ctx, one[*int64]{new(int64(1))})
	if err != nil {
		return err
	}
	shared := int64(7)
	got := one[*int64]{&shared}
	if err := c.decode(ctx, value, &got); err != nil {
		return err
	}
	if shared != 7 || *got.F != 1 {
		return fmt.Errorf("decode: found %d in what the event led to before, and %d in the event; expected 7 and 1",
			shared, *got.F)
	}
	return nil
}

type ab struct {
	A string `avro:"a"`
	B int64  `avro:"b"`
}
