package schematest

import (
	"context"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// FuzzEngine lets e decode any bytes, as the program's own schema and as an old revision. If e
// reads a value, it must write the value, and read it again as the same. e may refuse more than the
// default engine does. If it does not refuse a value, it must read the value as the default engine
// does.
func FuzzEngine(f *testing.F, e schema.Engine) {
	f.Helper()
	ctx := context.Background()
	m := registry.NewMemory()
	c, err := bind[everything](ctx, m, "suite", e, record(everythingFields()...))
	if err != nil {
		f.Fatal(err)
	}
	judge, err := bind[everything](ctx, m, "suite", nil, record(everythingFields()...))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := m.Register(ctx, "old", record(oldFields()...)); err != nil {
		f.Fatal(err)
	}
	good, err := c.encode(ctx, everything{
		Text: "é", Raw: []byte{0, 255}, List: []string{"a", ""}, Void: make([]struct{}, 2),
		Map:   map[string]int64{"k": -1},
		Maybe: new(int64(7)), Enum: "RED", Small: -5,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[headerSize:], false)
	for _, a := range attacks() {
		f.Add(a.value(false), false)
		f.Add(a.value(true), true)
	}
	f.Fuzz(func(t *testing.T, value []byte, old bool) {
		id := uint32(1)
		if old {
			id = 2
		}
		value = append(binary.BigEndian.AppendUint32([]byte{0}, id), value...)
		var got, want everything
		err, wantErr := c.decode(ctx, value, &got), judge.decode(ctx, value, &want)
		if err != nil {
			var decode *schema.DecodeError
			if !errors.As(err, &decode) || len(err.Error()) > maxErrorText {
				t.Fatalf("decode %x: expected a short *schema.DecodeError, found %v", value, err)
			}
			return
		}
		if wantErr != nil {
			t.Fatalf("decode %x: found %+v, the default engine refuses it: %v", value, got, wantErr)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("decode %x: found %+v, the default engine %+v", value, got, want)
		}
		again, err := c.encode(ctx, got)
		if err != nil {
			t.Fatalf("encode %+v: %v", got, err)
		}
		if err := c.decodes(ctx, again, got); err != nil {
			t.Fatal(err)
		}
	})
}

// oldFields are those of a revision that had more.
func oldFields() []string { return slices.Concat(skippedFields(), everythingFields()) }
