package schematest_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/schematest"
)

// Four tests keep the schemas of a package safe. They are written as
//
//	func TestSchemas(t *testing.T) { … }
func Example() {
	tests := func(t testing.TB, notes *aggregate.Type[Notes], sources schema.Sources) {
		schematest.CheckDerived(t, sources, notes.Events())
		schematest.Compatible(t, sources, change.FullTransitive)
		schematest.Released(t, sources)
		schematest.Golden(t, notes, sources, os.DirFS("testdata/golden"), map[string][]aggregate.Event[Notes]{
			"Noted.v1": {noted{Text: "hi"}},
		}, schema.Config{})
	}
	// A field was added, and one forgot to release that.
	changed := sources(map[string]string{"Noted.avsc": noted2, "released/Noted.v1.avsc": noted1})
	tests(shown{}, aggregate.NewType("Note", noted{}), changed)
	// Output:
	// Noted.avsc of Note is not released: copy it to released/Noted.v2.avsc, and keep that for ever
}

// shown is a test that prints its failures: an example has no other.
type shown struct{ testing.TB }

func (shown) Helper()                           {}
func (shown) Context() context.Context          { return context.Background() }
func (shown) Cleanup(func())                    {}
func (shown) Error(args ...any)                 { fmt.Println(args...) }
func (shown) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (shown) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }

func ExampleCheckDerived() {
	types := aggregate.NewType("Note", noted{}).Events()
	schematest.CheckDerived(shown{}, sources(map[string]string{"Noted.avsc": noted1}), types)
	schematest.CheckDerived(shown{}, sources(map[string]string{"Noted.avsc": noted2}), types)
	// Output:
	// event type Note.Noted, Noted.avsc, field "by": mismatch of Go type and schema: not in the file, but in the Go type: add it, with a default if the schema was released
}
