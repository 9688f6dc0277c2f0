package schematest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// evolved is a case of a value that the default engine wrote with one revision, and e reads with
// another.
func evolved[W, R any](name, writer, reader string, v W, want R, before ...R) engineCase {
	return engineCase{name, func(ctx context.Context, e schema.Engine) error {
		value, m, err := written(ctx, writer, v)
		if err != nil {
			return err
		}
		c, err := bind[R](ctx, m, "suite", e, reader)
		if err != nil {
			return err
		}
		if err := c.decodes(ctx, value, want, before...); err != nil {
			return err
		}
		return c.refusesDamaged(ctx, value)
	}}
}

// retyped is a case of one field whose type changed.
func retyped[W, R any](name, writer, reader string, v W, want R) engineCase {
	return evolved(name, f(writer), f(reader), one[W]{v}, one[R]{want})
}

// incompatible is a case of a value of one revision that another cannot be read as.
func incompatible[W, R any](name, writer, reader string, v W) engineCase {
	return engineCase{name, func(ctx context.Context, e schema.Engine) error {
		value, m, err := written(ctx, writer, v)
		if err != nil {
			return err
		}
		c, err := bind[R](ctx, m, "suite", e, reader)
		if err != nil {
			return err
		}
		var into R
		return expect(c.decode(ctx, value, &into), "decode", schema.ErrIncompatible)
	}}
}

// oldUnion is a case of values of a union that no Go type stands for. An optional reads them if it
// takes each type of the union, by widening too.
func oldUnion(ctx context.Context, e schema.Engine) error {
	m := registry.NewMemory()
	three, err := m.Register(ctx, "three", f(`["null","int","long"]`))
	if err != nil {
		return err
	}
	text, err := m.Register(ctx, "text", f(`["null","long","string"]`))
	if err != nil {
		return err
	}
	c, err := bind[one[*int64]](ctx, m, "suite", e, f(`["null","long"]`))
	if err != nil {
		return err
	}
	header := []byte{0, 0, 0, 0, byte(three.ID)}
	var into one[*int64]
	return errors.Join(
		c.decodes(ctx, append(header, 0), one[*int64]{}),
		c.decodes(ctx, append(header, 2, 14), one[*int64]{new(int64(7))}),
		c.decodes(ctx, append(header, 4, 14), one[*int64]{new(int64(7))}),
		c.refusesDamaged(ctx, append(header, 4, 14)),
		expect(c.decode(ctx, []byte{0, 0, 0, 0, byte(text.ID), 2, 14}, &into), "decode what may be a string",
			schema.ErrIncompatible),
	)
}

// written returns v as the default engine writes it, and the registry that knows the schema.
func written[W any](ctx context.Context, text string, v W) ([]byte, *registry.Memory, error) {
	m := registry.NewMemory()
	w, err := bind[W](ctx, m, "writer", nil, text)
	if err != nil {
		return nil, nil, fmt.Errorf("writer: %w", err)
	}
	value, err := w.encode(ctx, v)
	return value, m, err
}

type (
	a struct {
		A string `avro:"a"`
	}
	added struct {
		A      string           `avro:"a"`
		Text   string           `avro:"text"`
		Number int64            `avro:"number"`
		Double float64          `avro:"double"`
		Flag   bool             `avro:"flag"`
		Maybe  *int64           `avro:"maybe"`
		Given  *string          `avro:"given"`
		Colour colour           `avro:"colour"`
		List   []string         `avro:"list"`
		Map    map[string]int64 `avro:"map"`
		Leaf   leaf             `avro:"leaf"`
		At     time.Time        `avro:"at"`
		Raw    []byte           `avro:"raw"`
	}
	dropped struct {
		Flag   bool              `avro:"flag"`
		Number int64             `avro:"number"`
		Small  int32             `avro:"small"`
		Single float32           `avro:"single"`
		Double float64           `avro:"double"`
		Text   string            `avro:"text"`
		Raw    []byte            `avro:"raw"`
		Fixed  [4]byte           `avro:"fixed"`
		Colour colour            `avro:"colour"`
		List   []string          `avro:"list"`
		Map    map[string][]leaf `avro:"map"`
		Maybe  *leaf             `avro:"maybe"`
		None   *int64            `avro:"none"`
		Leaf   leaf              `avro:"leaf"`
		A      string            `avro:"a"`
	}
	cityOnly struct {
		City string `avro:"city"`
	}
)

func addCases() []engineCase {
	wide := record(field("a", `"string"`), field("text", `"string"`, `"default":"é"`),
		field("number", `"long"`, `"default":42`),
		field("double", `"double"`, `"default":1.5`), field("flag", `"boolean"`, `"default":true`),
		field("maybe", `["null","long"]`, `"default":null`), field("given", `["string","null"]`, `"default":"x"`),
		field("colour", enumType, `"default":"RED"`),
		field("list", `{"type":"array","items":"string"}`, `"default":["p","q"]`),
		field("map", `{"type":"map","values":"long"}`, `"default":{"k":7}`),
		field("leaf", leafType, `"default":{"city":"A","zip":null}`),
		field("at", logical("long", "timestamp-micros"), `"default":1000000`),
		field("raw", `"bytes"`, `"default":"\u00ff"`))
	want := added{
		A: "x", Text: "é", Number: 42, Double: 1.5, Flag: true, Given: new("x"),
		Colour: "RED", List: []string{"p", "q"},
		Map: map[string]int64{"k": 7}, Leaf: leaf{City: "A"}, At: time.Unix(1, 0).UTC(), Raw: []byte{0xff},
	}
	before := added{A: "b", Maybe: new(int64(9)), List: []string{"r"}, Map: map[string]int64{"j": 1}}
	return []engineCase{
		addedOne("a string", `"string"`, `"é"`, "é"),
		addedOne("a long", `"long"`, `42`, int64(42)),
		addedOne("an int", `"int"`, `42`, int32(42)),
		addedOne("a float", `"float"`, `1.5`, float32(1.5)),
		addedOne("a double", `"double"`, `1.5`, 1.5),
		addedOne("a boolean", `"boolean"`, `true`, true),
		addedOne("bytes", `"bytes"`, `"\u00ff"`, []byte{0xff}),
		addedOne("a fixed", `{"type":"fixed","name":"F","size":2}`, `"\u0001\u00ff"`, [2]byte{1, 255}),
		addedOne("an enum", enumType, `"RED"`, colour("RED")),
		addedOne[*int64]("an optional, null", `["null","long"]`, `null`, nil),
		addedOne("an optional, given", `["string","null"]`, `"x"`, new("x")),
		addedOne("an array", `{"type":"array","items":"string"}`, `["p","q"]`, []string{"p", "q"}),
		addedOne("an empty array", `{"type":"array","items":"string"}`, `[]`, []string{}),
		addedOne("a map", `{"type":"map","values":"long"}`, `{"k":7}`, map[string]int64{"k": 7}),
		addedOne("a record", leafType, `{"city":"A","zip":null}`, leaf{City: "A"}),
		addedOne("a time", logical("long", "timestamp-micros"), `1000000`, time.Unix(1, 0).UTC()),
		addedOne("a timestamp-millis", logical("long", "timestamp-millis"), `1000`, time.Unix(1, 0).UTC()),
		evolved("adds fields of all kinds with defaults", f2a(), wide, a{"x"}, want, before),
	}
}

func f2a() string { return record(field("a", `"string"`)) }

// addedOne is a case of a field that the reader has and the writer had not.
func addedOne[T any](what, typ, def string, want T) engineCase {
	type now struct {
		A string `avro:"a"`
		F T      `avro:"f"`
	}
	return evolved("adds "+what+" with default", f2a(),
		record(field("f", typ, `"default":`+def), field("a", `"string"`)),
		a{"x"}, now{"x", want})
}

func removeCases() []engineCase {
	full := dropped{
		true, -1, 2, 3, 4, "t",
		[]byte{1},
		[4]byte{1, 2, 3, 4},
		"RED",
		[]string{"p", "q"},
		map[string][]leaf{"k": {{"A", new("1")}, {"B", nil}}},
		&leaf{City: "C"}, nil,
		leaf{City: "D"},
		"x",
	}
	wide := record(field("flag", `"boolean"`), field("number", `"long"`), field("small", `"int"`),
		field("single", `"float"`),
		field("double", `"double"`), field("text", `"string"`), field("raw", `"bytes"`),
		field("fixed", `{"type":"fixed","name":"F","size":4}`),
		field("colour", enumType), field("list", `{"type":"array","items":"string"}`),
		field("map", `{"type":"map","values":{"type":"array","items":`+leafType+`}}`),
		field("maybe", `["null","Leaf"]`), field("none", `["null","long"]`), field("leaf", `"Leaf"`),
		field("a", `"string"`))
	return []engineCase{
		evolved("removes fields of all kinds", wide, f2a(), full, a{"x"}),
		evolved("removes a field of a record in an array", f(`{"type":"array","items":`+leafType+`}`),
			f(`{"type":"array","items":{"type":"record","name":"Leaf","fields":[{"name":"city","type":"string"}]}}`),
			one[[]leaf]{[]leaf{{"A", new("1")}, {"B", nil}}}, one[[]cityOnly]{[]cityOnly{{"A"}, {"B"}}}),
		evolved("removes a field that is a recursive record", record(field("t", treeType), field("a", `"string"`)),
			f2a(),
			struct {
				T tree   `avro:"t"`
				A string `avro:"a"`
			}{tree{"p", &tree{"q", nil}}, "x"}, a{"x"}),
	}
}

func promotionCases() []engineCase {
	someLong := []int64{1, -2}
	return []engineCase{
		retyped("promotes int to long", `"int"`, `"long"`, int32(-7), int64(-7)),
		retyped("promotes int to float", `"int"`, `"float"`, int32(-7), float32(-7)),
		retyped("promotes int to double", `"int"`, `"double"`, int32(-7), float64(-7)),
		retyped("promotes long to float", `"long"`, `"float"`, int64(-7), float32(-7)),
		retyped("promotes long to double", `"long"`, `"double"`, int64(-7), float64(-7)),
		retyped("promotes float to double", `"float"`, `"double"`, float32(1.5), 1.5),
		retyped("promotes string to bytes", `"string"`, `"bytes"`, "é", []byte("é")),
		retyped("promotes bytes to string", `"bytes"`, `"string"`, []byte("é"), "é"),
		retyped("promotes int to timestamp", `"int"`, logical("long", "timestamp-millis"), int32(1500),
			time.UnixMilli(1500).UTC()),
		retyped("promotes in an array", `{"type":"array","items":"int"}`, `{"type":"array","items":"long"}`,
			[]int32{1, -2}, someLong),
		retyped("promotes in a map", `{"type":"map","values":"int"}`, `{"type":"map","values":"double"}`,
			map[string]int32{"k": 3}, map[string]float64{"k": 3}),
		retyped("promotes in an optional", `["null","int"]`, `["null","long"]`, new(int32(5)), new(int64(5))),
		retyped[*int32, *int64]("promotes an optional that is not there", `["null","int"]`, `["null","long"]`, nil,
			nil),
	}
}

func symbolCases() []engineCase {
	symbols := func(list string) string { return `{"type":"enum","name":"Colour","symbols":[` + list + `]}` }
	withDefault := func(list string) string {
		return `{"type":"enum","name":"Colour","symbols":[` + list + `],"default":"UNKNOWN"}`
	}
	return []engineCase{
		retyped("reads an unknown symbol as the default", withDefault(`"UNKNOWN","BLUE","RED"`),
			withDefault(`"UNKNOWN","RED"`), colour("BLUE"), colour("UNKNOWN")),
		retyped("reads symbols by name", symbols(`"BLUE","GREEN","RED"`), symbols(`"RED","GREEN","BLUE","MORE"`),
			colour("RED"), colour("RED")),
		retyped("reads an unknown symbol in an optional as the default", `["null",`+withDefault(`"UNKNOWN","BLUE"`)+`]`,
			`["null",`+withDefault(`"UNKNOWN","RED"`)+`]`, new(colour("BLUE")), new(colour("UNKNOWN"))),
		retyped("reads a renamed enum by alias", symbols(`"RED"`),
			`{"type":"enum","name":"Hue","aliases":["Colour"],"symbols":["GREEN","RED"]}`, colour("RED"),
			colour("RED")),
	}
}

func refusedCases() []engineCase {
	return []engineCase{
		incompatible[a, ab]("refuses a new field without default", f2a(),
			record(field("a", `"string"`), field("b", `"long"`)), a{"x"}),
		incompatible[one[string], one[int64]]("refuses another type", f(`"string"`), f(`"long"`), one[string]{"x"}),
		incompatible[one[int64], one[int32]]("refuses a narrower type", f(`"long"`), f(`"int"`), one[int64]{1}),
		incompatible[one[*int64], one[int64]]("refuses to make an optional field required", f(`["null","long"]`),
			f(`"long"`), one[*int64]{}),
		incompatible[one[time.Time], one[time.Time]]("refuses another unit of time",
			f(logical("long", "timestamp-millis")),
			f(logical("long", "timestamp-micros")), one[time.Time]{}),
		incompatible[one[int32], one[time.Duration]]("refuses another unit of time that is wider",
			f(logical("int", "time-millis")),
			f(logical("long", "time-micros")), one[int32]{5000}),
		incompatible[one[int32], one[time.Time]]("refuses a date as a timestamp", f(logical("int", "date")),
			f(logical("long", "timestamp-millis")), one[int32]{20_000}),
		incompatible[one[*int32], one[*int64]]("refuses another unit of time in an optional",
			f(`["null",`+logical("int", "date")+`]`),
			f(`["null",`+logical("long", "timestamp-millis")+`]`), one[*int32]{new(int32(20_000))}),
	}
}

func evolutionCases() []engineCase {
	type amount struct {
		Amount int32  `avro:"amount"`
		Owner  string `avro:"owner"`
	}
	type renamed struct {
		OwnerID string `avro:"ownerId"`
		Amount  int64  `avro:"amount"`
	}
	return slices.Concat(addCases(), removeCases(), promotionCases(), symbolCases(), refusedCases(), []engineCase{
		evolved("renames by alias, reorders and widens", record(field("amount", `"int"`), field("owner", `"string"`)),
			record(field("ownerId", `"string"`, `"aliases":["owner"]`), field("amount", `"long"`)),
			amount{-7, "user-1"}, renamed{"user-1", -7}),
		retyped("makes a field optional", `"long"`, `["null","long"]`, int64(5), new(int64(5))),
		retyped("makes a field optional, null last", `"string"`, `["string","null"]`, "x", new("x")),
		retyped("makes a field optional and widens it", `"int"`, `["null","long"]`, int32(5), new(int64(5))),
		retyped("makes a record optional", leafType, `["null",`+leafType+`]`, leaf{"A", new("1")},
			&leaf{"A", new("1")}),
		retyped("turns an optional around", `["null","long"]`, `["long","null"]`, new(int64(5)), new(int64(5))),
		retyped[*int64, *int64]("turns an optional around that is not there", `["null","long"]`, `["long","null"]`, nil,
			nil),
		retyped("makes a number a time", `"long"`, logical("long", "timestamp-micros"), int64(1_500_000),
			time.UnixMicro(1_500_000).UTC()),
		retyped("makes a string a uuid", `"string"`, logical("string", "uuid"), "0189c9c2-7d7a-7bbb-8aaa-111111111111",
			"0189c9c2-7d7a-7bbb-8aaa-111111111111"),
		retyped("reads a renamed record by alias", leafType,
			`{"type":"record","name":"Address","aliases":["Leaf"],"fields":[{"name":"city","type":"string"}]}`,
			leaf{City: "A"}, cityOnly{"A"}),
		retyped("adds a field to a record in an optional",
			`["null",{"type":"record","name":"Leaf","fields":[{"name":"city","type":"string"}]}]`,
			`["null",{"type":"record","name":"Leaf","fields":[{"name":"city","type":"string"},{"name":"zip","type":["null","string"],"default":null}]}]`,
			&cityOnly{"A"}, &leaf{City: "A"}),
		evolved("adds a field beside a recursive record", f(treeType),
			record(field("f", treeType), field("g", `"long"`, `"default":7`)),
			one[tree]{tree{"p", &tree{"q", nil}}}, struct {
				F tree  `avro:"f"`
				G int64 `avro:"g"`
			}{tree{"p", &tree{"q", nil}}, 7}),
		{"reads an old union of three types as an optional", oldUnion},
	})
}
