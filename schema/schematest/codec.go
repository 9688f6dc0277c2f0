package schematest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing/fstest"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

const (
	aggregateType = "Suite"
	eventType     = "Thing"
)

// one is an event with one field.
type one[T any] struct {
	F T `avro:"f"`
}

// record returns the schema of an event with the given fields.
func record(fields ...string) string {
	return `{"type":"record","name":"Thing","namespace":"suite","fields":[` + strings.Join(fields, ",") + `]}`
}

// field returns a field of the given type; more is what else it has.
func field(name, typ string, more ...string) string {
	f := `{"name":"` + name + `","type":` + typ
	for _, m := range more {
		f += "," + m
	}
	return f + "}"
}

// f returns a record with one field, called f.
func f(typ string) string { return record(field("f", typ)) }

// codec is bound to one event type with one schema.
type codec[E any] struct {
	*schema.Codec

	typ event.Type
}

// bind returns a codec over the engine for events of one type. The prefix keeps its subject apart
// from others in r, so that r judges no compatibility.
func bind[E any](
	ctx context.Context, r registry.Registry, prefix string, e schema.Engine, text string,
) (codec[E], error) {
	sources := schema.Sources{aggregateType: fstest.MapFS{eventType + ".avsc": {Data: []byte(text)}}}
	c, err := registry.NewCodec(r, sources, schema.Config{Engine: e, Prefix: prefix})
	if err != nil {
		return codec[E]{}, err
	}
	typ := event.Type{Category: aggregateType, Name: eventType, Go: reflect.TypeFor[E]()}
	return codec[E]{c, typ}, c.Bind(ctx, []event.Type{typ})
}

func (c codec[E]) encode(ctx context.Context, v E) ([]byte, error) {
	value, _, err := c.Encode(ctx, c.typ, v)
	return value, err
}

func (c codec[E]) decode(ctx context.Context, value []byte, into *E) error {
	return c.Decode(ctx, c.typ, value, into)
}

// decodes returns nil if value decodes into want, whatever was there before.
func (c codec[E]) decodes(ctx context.Context, value []byte, want E, before ...E) error {
	for _, got := range append(before, *new(E)) {
		if err := c.decode(ctx, value, &got); err != nil {
			return fmt.Errorf("decode %x: %w", value, err)
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Errorf("decode %x: found %+v, expected %+v", value, got, want)
		}
	}
	return nil
}
