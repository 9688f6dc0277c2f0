package derive_test

import (
	"testing"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/internal/sampletest"
	"github.com/fencelog/fencelog/schema/registry"
)

const accountAggregate = sampletest.Category

func record(fields string) string          { return sampletest.Record(fields) }
func typeOf[E any](name string) event.Type { return sampletest.Type[E](name) }

func bound[E any](tb testing.TB, r registry.Registry, text string) (*schema.Codec, event.Type) {
	tb.Helper()
	return sampletest.Bound[E](tb, r, text)
}

func replaceOnce(tb testing.TB, text, old, with string) string {
	tb.Helper()
	return sampletest.ReplaceOnce(tb, text, old, with)
}

type (
	inner struct {
		City string `avro:"city"`
	}
	one[T any] struct {
		F T `avro:"f"`
	}
)
