package change_test

import (
	"testing"

	"github.com/fencelog/fencelog/schema/internal/sampletest"
)

// The samples, by short names.
const (
	v1           = sampletest.V1
	v2           = sampletest.V2
	v3           = sampletest.V3
	bad          = sampletest.Bad
	spaced       = sampletest.Spaced
	a1           = sampletest.A1
	thingSubject = sampletest.ThingSubject
)

func record(fields string) string      { return sampletest.Record(fields) }
func field(typ string) string          { return sampletest.Field(typ) }
func enum(symbols, more string) string { return sampletest.Enum(symbols, more) }
func maybe(name, more string) string   { return sampletest.Optional(name, more) }

func replaceOnce(tb testing.TB, text, old, with string) string {
	tb.Helper()
	return sampletest.ReplaceOnce(tb, text, old, with)
}
