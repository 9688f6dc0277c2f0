package registry_test

import (
	"os"
	"testing"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/internal/sampletest"
	"github.com/fencelog/fencelog/schema/registry"
)

// The samples, by short names.
const (
	v1               = sampletest.V1
	v2               = sampletest.V2
	v3               = sampletest.V3
	bad              = sampletest.Bad
	spaced           = sampletest.Spaced
	a1               = sampletest.A1
	thingSubject     = sampletest.ThingSubject
	createdSubject   = sampletest.CreatedSubject
	creditedSubject  = sampletest.CreditedSubject
	accountAggregate = sampletest.Category
)

type (
	a struct {
		A string `avro:"a"`
	}
	ab struct {
		A string `avro:"a"`
		B int64  `avro:"b"`
	}

	AccountCreated  = sampletest.AccountCreated
	AccountCredited = sampletest.AccountCredited
)

func record(fields string) string                 { return sampletest.Record(fields) }
func field(typ string) string                     { return sampletest.Field(typ) }
func enum(symbols, more string) string            { return sampletest.Enum(symbols, more) }
func thing(text string) schema.Sources            { return sampletest.Thing(text) }
func tree(texts map[string]string) schema.Sources { return sampletest.Files(texts) }
func typeOf[E any](name string) event.Type        { return sampletest.Type[E](name) }

func created() event.Type            { return sampletest.Created() }
func credited() event.Type           { return sampletest.Credited() }
func exampleCreated() AccountCreated { return sampletest.CreatedEvent() }

func bound[E any](tb testing.TB, r registry.Registry, text string) (*schema.Codec, event.Type) {
	tb.Helper()
	return sampletest.Bound[E](tb, r, text)
}

func replaceOnce(tb testing.TB, text, old, with string) string {
	tb.Helper()
	return sampletest.ReplaceOnce(tb, text, old, with)
}

func accountSources() schema.Sources {
	return schema.Sources{accountAggregate: os.DirFS("../testdata/account")}
}
