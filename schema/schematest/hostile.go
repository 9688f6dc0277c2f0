package schematest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// Bounds of what hostile bytes may cost.
const (
	maxAllocated = 1 << 20 // bytes, beside some for each byte of the value
	perByte      = 256     // bytes allocated for a byte of the value
	maxErrorText = 2000
)

// everything has what hostile bytes can inflate. Booleans are left out: libraries disagree about a
// byte beyond 1.
type everything struct {
	Text  string           `avro:"text"`
	Raw   []byte           `avro:"raw"`
	List  []string         `avro:"list"`
	Void  []struct{}       `avro:"void"`
	Map   map[string]int64 `avro:"map"`
	Maybe *int64           `avro:"maybe"`
	Enum  colour           `avro:"enum"`
	Small int32            `avro:"small"`
}

func everythingFields() []string {
	return []string{
		field("text", `"string"`), field("raw", `"bytes"`), field("list", `{"type":"array","items":"string"}`),
		field("void", `{"type":"array","items":{"type":"record","name":"Void","fields":[]}}`),
		field("map", `{"type":"map","values":"long"}`), field("maybe", `["null","long"]`),
		field("enum", enumType), field("small", `"int"`),
	}
}

// skippedFields are what an old revision had more, all of which a reader has to skip. Enums are
// left out: a reader need not check that a symbol exists which it skips.
func skippedFields() []string {
	return []string{
		field("nulls", `{"type":"array","items":"null"}`), field("oldText", `"string"`),
		field("oldList", `{"type":"array","items":"long"}`),
		field("oldMap", `{"type":"map","values":"string"}`), field("oldUnion", `["null","long","string"]`),
	}
}

// attack is bytes that claim more than they hold, in place of the field of that name.
type attack struct {
	name, field string
	bytes       []byte
}

func long(v int64) []byte { return binary.AppendVarint(nil, v) }

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func attacks() []attack {
	endless := []byte(strings.Repeat("\xff", 64))
	var all []attack
	for _, field := range []string{"text", "raw", "oldText"} {
		all = append(all, attack{"a huge length", field, long(math.MaxInt64)},
			attack{"a length of five thousand million", field, long(5e9)},
			attack{"a length of 2^31", field, long(1 << 31)}, attack{"a negative length", field, long(-1)},
			attack{"the most negative length", field, long(math.MinInt64)}, attack{"an endless length", field, endless})
	}
	for _, field := range []string{"list", "void", "map", "nulls", "oldList", "oldMap"} {
		all = append(all, attack{"a huge count", field, long(math.MaxInt64)},
			attack{"a count of five thousand million", field, join(long(5e9), long(0))},
			attack{"a count of ten million", field, join(long(1e7), long(0))},
			attack{"the most negative count", field, join(long(math.MinInt64), long(0))},
			attack{"a negative count of a huge block", field, join(long(-5), long(math.MaxInt64))},
			attack{"a negative count of a block of negative size", field, join(long(-5), long(-1))},
			attack{"a huge negative count of an empty block", field, join(long(-5e9), long(0), long(0))},
			attack{"counts whose sum overflows", field, join(long(1<<62), long(1<<62), long(1<<62), long(1<<62))},
			attack{"an endless count", field, endless})
	}
	for _, field := range []string{"void", "nulls"} {
		many := []byte{}
		for range 1 << 12 {
			many = append(many, long(1<<12)...)
		}
		all = append(all, attack{"many blocks of items without bytes", field, join(many, long(0))})
	}
	for _, field := range []string{"maybe", "oldUnion"} {
		all = append(all, attack{"a branch that is not there", field, long(3)},
			attack{"a negative branch", field, long(-1)},
			attack{"a branch of 2^32", field, long(1 << 32)})
	}
	return append(all,
		attack{"a symbol that is not there", "enum", long(3)}, attack{"a negative symbol", "enum", long(-1)},
		attack{"a symbol of 2^32", "enum", long(1 << 32)},
		attack{"an int of 33 bits", "small", long(1 << 32)}, attack{"an endless int", "small", endless},
		attack{"text that is no text", "text", join(long(1), []byte{0xff})},
		attack{"text that is no text", "list", join(long(1), long(1), []byte{0xff}, long(0))},
		attack{"text that is no text", "map", join(long(1), long(1), []byte{0xff}, long(0), long(0))},
	)
}

// hostileCases decode each attack as the program's own schema and, for what must be skipped, as an
// old revision.
func hostileCases() []engineCase {
	cases := []engineCase{
		{"blocks that say their size", sizedBlocks},
		{"a schema of many levels", deepSchema},
		{"hostile bytes: records within records", deepValue},
		{"hostile bytes: text that is no text of a type that marshals itself", rawText},
	}
	for _, kind := range []struct {
		name string
		old  bool
	}{{"hostile bytes", false}, {"hostile bytes of an old revision", true}} {
		for _, a := range attacks() {
			if isOld := strings.HasPrefix(a.field, "old") || a.field == "nulls"; isOld && !kind.old {
				continue
			}
			cases = append(cases,
				engineCase{
					kind.name + ": " + a.name + " in " + a.field,
					func(ctx context.Context, e schema.Engine) error {
						return a.run(ctx, e, kind.old)
					},
				})
		}
	}
	return cases
}

func (a attack) run(ctx context.Context, e schema.Engine, old bool) error {
	m := registry.NewMemory()
	c, err := bind[everything](ctx, m, "suite", e, record(everythingFields()...))
	if err != nil {
		return err
	}
	id := uint32(1)
	if old {
		is, err := m.Register(ctx, "old", record(oldFields()...))
		if err != nil {
			return err
		}
		id = uint32(is.ID)
	}
	return c.survives(ctx, append(binary.BigEndian.AppendUint32([]byte{0}, id), a.value(old)...))
}

// value returns the attack among fields that are empty, 0 or null.
func (a attack) value(old bool) (value []byte) {
	fields := everythingFields()
	if old {
		fields = oldFields()
	}
	for _, f := range fields {
		if strings.HasPrefix(f, `{"name":"`+a.field+`"`) {
			value = append(value, a.bytes...)
			continue
		}
		value = append(value, 0)
	}
	return value
}

// survives returns nil if value is refused at no more cost than its size allows.
func (c codec[E]) survives(ctx context.Context, value []byte) error {
	var warm E
	_ = c.decode(ctx, value[:headerSize], &warm) // compiles what is compiled once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var into E
	err := c.decode(ctx, value, &into)
	runtime.ReadMemStats(&after)
	if errors.Is(err, schema.ErrUnsupported) {
		return err
	}
	if err := expect(err, "decode", schema.ErrMalformed); err != nil {
		return err
	}
	if n := len(err.Error()); n > maxErrorText {
		return fmt.Errorf("found an error of %d bytes, expected at most %d", n, maxErrorText)
	}
	limit := uint64(maxAllocated + perByte*len(value))
	if n := after.TotalAlloc - before.TotalAlloc; n > limit {
		return fmt.Errorf("%d bytes were allocated for a value of %d bytes, expected at most %d", n, len(value), limit)
	}
	return nil
}

// sizedBlocks: other libraries write the size of a block before it, and a reader may use it to
// skip.
func sizedBlocks(ctx context.Context, e schema.Engine) error {
	type lists struct {
		List []string         `avro:"list"`
		Map  map[string]int64 `avro:"map"`
	}
	fields := []string{
		field("list", `{"type":"array","items":"string"}`),
		field("map", `{"type":"map","values":"long"}`),
	}
	list := join(long(-2), long(4), []byte{2, 'a', 2, 'b'}, long(1), []byte{2, 'c'}, long(0))
	entries := join(long(-1), long(3), []byte{2, 'k', 84}, long(0))
	m := registry.NewMemory()
	c, err := bind[lists](ctx, m, "suite", e, record(fields...))
	if err != nil {
		return err
	}
	value := join([]byte{0, 0, 0, 0, 1}, list, entries)
	if err := c.decodes(ctx, value, lists{[]string{"a", "b", "c"}, map[string]int64{"k": 42}}); err != nil {
		return err
	}
	if err := c.refusesDamaged(ctx, value); err != nil {
		return err
	}
	if _, err := m.Register(ctx, "old", record(append(fields, field("a", `"string"`))...)); err != nil {
		return err
	}
	r, err := bind[a](ctx, m, "reader", e, f2a())
	if err != nil {
		return err
	}
	return r.decodes(ctx, join([]byte{0, 0, 0, 0, 2}, list, entries, []byte{2, 'x'}), a{"x"})
}

// rawText is a value whose Go type would take what is no text.
func rawText(ctx context.Context, e schema.Engine) error {
	c, err := bind[one[raw]](ctx, registry.NewMemory(), "suite", e, f(`"string"`))
	if err != nil {
		return err
	}
	return c.survives(ctx, []byte{0, 0, 0, 0, 1, 2, 0xff})
}

// deepValue is a value that is far deeper than a stack of calls should be.
func deepValue(ctx context.Context, e schema.Engine) error {
	c, err := bind[one[tree]](ctx, registry.NewMemory(), "suite", e, f(treeType))
	if err != nil {
		return err
	}
	// each an empty name, and another node
	nodes := strings.Repeat("\x00\x02", 1<<20)
	// and a last one: nothing is missing
	return c.survives(ctx, join([]byte{0, 0, 0, 0, 1}, []byte(nodes), []byte{0, 0}))
}

// withDeep is a registry that has what nobody would write, under one more id.
type withDeep struct {
	registry.Registry
	id   int
	text string
}

func (r withDeep) Schema(ctx context.Context, id int) (string, error) {
	if id == r.id {
		return r.text, nil
	}
	return r.Registry.Schema(ctx, id)
}

func deepSchema(ctx context.Context, e schema.Engine) error {
	const depth, id = 20_000, 2
	deep := strings.Repeat(`{"type":"array","items":`, depth) + `"long"` + strings.Repeat("}", depth)
	r := withDeep{registry.NewMemory(), id, record(field("a", `"string"`), field("deep", deep))}
	c, err := bind[a](ctx, r, "suite", e, f2a())
	if err != nil {
		return err
	}
	var into a
	err = c.decode(ctx, []byte{0, 0, 0, 0, id, 0, 0}, &into)
	if err == nil || len(err.Error()) > maxErrorText {
		return fmt.Errorf("expected a short error for a schema of %d levels, found: %w", depth, orNone(err))
	}
	return nil
}
