package sampletest

import (
	"strings"
	"testing"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// Codec returns a codec of the sources, which registers the schemas of the types that it binds.
func Codec(tb testing.TB, r registry.Registry, sources schema.Sources) *schema.Codec {
	tb.Helper()
	c, err := registry.NewCodec(r, sources, schema.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Bound returns a codec for one type, called Thing, of the given schema, and that type.
func Bound[E any](tb testing.TB, r registry.Registry, text string) (*schema.Codec, event.Type) {
	tb.Helper()
	c, typ := Codec(tb, r, Thing(text)), Type[E]("Thing")
	if err := c.Bind(tb.Context(), []event.Type{typ}); err != nil {
		tb.Fatal(err)
	}
	return c, typ
}

// ReplaceOnce replaces old, which text must have once, or nothing if old is empty.
func ReplaceOnce(tb testing.TB, text, old, with string) string {
	tb.Helper()
	if old != "" && strings.Count(text, old) != 1 {
		tb.Fatalf("expected %q once in %s", old, text)
	}
	return strings.Replace(text, old, with, 1)
}
