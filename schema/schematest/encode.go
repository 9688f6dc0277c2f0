package schematest

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// unencodable is a case of a value that the schema does not allow, and of one after it that it
// does.
func unencodable[T any](name, typ string, v, good T) engineCase {
	return engineCase{name, func(ctx context.Context, e schema.Engine) error {
		c, err := bind[one[T]](ctx, registry.NewMemory(), "suite", e, f(typ))
		if err != nil {
			return err
		}
		if got, err := c.encode(ctx, one[T]{v}); err == nil || got != nil {
			return fmt.Errorf("encode %v: found %x, expected an error", v, got)
		} else if err := expect(err, "encode", schema.ErrMismatch); err != nil {
			return err
		}
		value, err := c.encode(ctx, one[T]{good})
		if err != nil {
			return err
		}
		return c.decodes(ctx, value, one[T]{good})
	}}
}

func encodeCases() []engineCase {
	return []engineCase{
		unencodable[colour]("encodes no unknown symbol", enumType, "BLUE", "RED"),
		unencodable[colour]("encodes no symbol that is empty", enumType, "", "RED"),
		unencodable("encodes no string that is no text", `"string"`, "a\xff", "a"),
		unencodable("encodes no text that is no text within others",
			`{"type":"map","values":{"type":"array","items":["null",`+leafType+`]}}`,
			map[string][]*leaf{"k": {nil, {City: "\xc3"}}}, map[string][]*leaf{"k": {nil, {City: "é"}}}),
		unencodable("encodes no text that is no text of a type that marshals itself", `"string"`, raw{"\xff"},
			raw{"é"}),
		unencodable("encodes no text that is no text of types that marshal themselves",
			`{"type":"map","values":["null","string"]}`,
			map[string]*raw{"k": {"\xff"}}, map[string]*raw{"k": {"é"}, "n": nil}),
		unencodable("encodes no decimal with more digits than its scale",
			`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`,
			big.NewRat(1, 3), big.NewRat(1, 4)),
		unencodable("encodes no time beyond what the schema can say", logical("long", "timestamp-micros"),
			time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
		unencodable("encodes no duration beyond what the schema can say", logical("int", "time-millis"), 1000*time.Hour,
			time.Hour),
		{"encodes nothing deeper than it decodes", symmetric(treeType, treeOf)},
		{"encodes no more items without bytes than it decodes", symmetric(
			`{"type":"array","items":{"type":"record","name":"Void","fields":[]}}`,
			func(n int) []struct{} { return make([]struct{}, n) })},
		truncated("rounds a time down to its unit", logical("long", "timestamp-millis"),
			time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
			time.Date(1969, 12, 31, 23, 59, 59, 999_000_000, time.UTC)),
		truncated("stores times in UTC", logical("long", "timestamp-millis"),
			time.Date(2026, 1, 1, 1, 0, 0, 0, time.FixedZone("", 3600)), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
		truncated("takes the day of a time before 1970", logical("int", "date"),
			time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)),
		truncated("encodes a nil array as an empty one", `{"type":"array","items":"string"}`, nil, []string{}),
		truncated("encodes a nil map as an empty one", `{"type":"map","values":"string"}`, nil, map[string]string{}),
	}
}

// symmetric returns a case of values from 1 to far beyond any bound of depth and of items. If a
// value is encoded, it must be decoded, else a stream could never be read again.
func symmetric[T any](typ string, of func(n int) T) func(context.Context, schema.Engine) error {
	return func(ctx context.Context, e schema.Engine) error {
		c, err := bind[one[T]](ctx, registry.NewMemory(), "suite", e, f(typ))
		if err != nil {
			return err
		}
		const most = 1 << 16
		for n := 1; n <= most; n *= 2 {
			for _, n := range []int{n - 1, n, n + 1} {
				value, err := c.encode(ctx, one[T]{of(n)})
				if err != nil {
					if err := expect(err, "encode", schema.ErrMismatch); err != nil {
						return err
					}
					continue
				}
				var got one[T]
				if err := c.decode(ctx, value, &got); err != nil {
					return fmt.Errorf("%d were encoded: %w", n, err)
				}
			}
		}
		return nil
	}
}

// treeOf returns a tree of so many nodes, one below the other, and one more.
func treeOf(n int) (t tree) {
	for range n {
		t = tree{"", new(t)}
	}
	return t
}

// truncated is a case of a value that comes back as another one.
func truncated[T any](name, typ string, v, back T) engineCase {
	return engineCase{name, func(ctx context.Context, e schema.Engine) error {
		c, err := bind[one[T]](ctx, registry.NewMemory(), "suite", e, f(typ))
		if err != nil {
			return err
		}
		value, err := c.encode(ctx, one[T]{v})
		if err != nil {
			return err
		}
		return c.decodes(ctx, value, one[T]{back})
	}}
}
