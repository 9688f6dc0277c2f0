package schematest

import (
	"testing"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

// Compatible fails the test if a schema file of sources breaks the level against the released
// revisions beside it, see [schema.Sources]. Each failure names the field, the rule and both
// versions.
//
//	func TestSchemas(t *testing.T) { schematest.Compatible(t, account.Sources(), change.FullTransitive) }
func Compatible(tb testing.TB, sources schema.Sources, level change.Compatibility) {
	tb.Helper()
	released, err := registry.Released(tb.Context(), sources, schema.Config{})
	if err != nil {
		tb.Error(err)
		return
	}
	CompatibleWith(tb, released, sources, level, schema.Config{})
}

// CompatibleWith is Compatible against a registry, such as the one of production or a
// [registry.Folder], in which the subjects are named as cfg says.
func CompatibleWith(
	tb testing.TB, schemas registry.Registry, sources schema.Sources, level change.Compatibility, cfg schema.Config,
) {
	tb.Helper()
	checked, err := registry.Check(tb.Context(), schemas, sources, level, cfg)
	if err != nil {
		tb.Error(err)
		return
	}
	if len(checked) == 0 {
		tb.Error("schematest: there is no schema file, so nothing was checked: " +
			"see that sources has \"<EventType>.avsc\" files")
	}
}

// Released fails the test if a schema file of sources is not its latest released revision, and says
// which file to add. A service must write only released schemas.
func Released(tb testing.TB, sources schema.Sources) {
	tb.Helper()
	released, err := registry.Released(tb.Context(), sources, schema.Config{})
	if err != nil {
		tb.Error(err)
		return
	}
	checked, err := registry.Check(tb.Context(), released, sources, change.None, schema.Config{})
	if err != nil {
		tb.Error(err)
	}
	for _, c := range checked {
		if err := c.Unreleased(); err != nil {
			tb.Error(err)
		}
	}
}
