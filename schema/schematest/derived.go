package schematest

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/derive"
)

// CheckDerived fails t for every type whose schema file differs from its Go type, see
// [derive.Check]. It also fails t for every Go type that has several names in the files, see
// [derive.CheckNames]. If a type has no file, it prints the file that the type should have.
func CheckDerived(t testing.TB, sources schema.Sources, types []event.Type) {
	t.Helper()
	for _, typ := range types {
		if err := checkDerived(sources, typ); err != nil {
			t.Error(err)
		}
	}
	if err := derive.CheckNames(sources, types); err != nil {
		t.Error(err)
	}
}

func checkDerived(sources schema.Sources, typ event.Type) error {
	files, ok := sources[typ.Category]
	if !ok {
		return &schema.TypeError{
			Type: typ, Reason: schema.ErrNoSchema,
			Detail: "the sources have no such aggregate type",
		}
	}
	name := typ.Name + ".avsc"
	text, err := fs.ReadFile(files, name)
	if err == nil {
		return derive.Check(typ, string(text))
	}
	missing := &schema.TypeError{Type: typ, File: name, Reason: schema.ErrNoSchema, Err: err}
	derived, err := derive.Schema(typ, strings.ToLower(typ.Category))
	if err != nil {
		return errors.Join(missing, err)
	}
	missing.Detail = "write it, with a namespace of yours:\n" + derived
	return missing
}
