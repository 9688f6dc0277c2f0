package derive

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/files"
	"github.com/fencelog/fencelog/schema/internal/gotype"
)

// Check compares the schema of a file with the [Schema] of the Go type. The file may have more
// documentation, aliases, defaults and properties. All else must be the same on both sides: names,
// types, optional fields, logical types, symbols and their order, and the options of the tags.
//
// It fails with joined *[schema.TypeError]:
//
//   - with [schema.ErrMismatch] for each difference;
//   - with [schema.ErrInvalidSchema] if text is not the schema of a record;
//   - as [Schema] does.
func Check(t event.Type, text string) error {
	file := files.Of(t)
	r, err := avsc.ParseRecord(text)
	if err != nil {
		return &schema.TypeError{Type: t, File: file, Reason: schema.ErrInvalidSchema, Err: err}
	}
	derived, err := Schema(t, avsc.NamespaceOf(r.Root))
	if err != nil {
		return err
	}
	d, err := avsc.ParseRecord(derived)
	if err != nil {
		return err
	}
	c := derivedCheck{names: avsc.NamesIn(r.Root), derived: avsc.NamesIn(d.Root), seen: make(map[string]bool)}
	c.same("", r.Root, d.Root, "")
	var mistakes []error
	for _, m := range c.Found {
		mistakes = append(mistakes, &schema.TypeError{
			Type: t, File: file, Field: m.Field, Reason: schema.ErrMismatch, Detail: m.Detail,
		})
	}
	return errors.Join(mistakes...)
}

type derivedCheck struct {
	gotype.Mismatches

	names, derived avsc.Names
	seen           map[string]bool
}

// same compares a type n of the file with the type d that was derived.
func (c *derivedCheck) same(path string, n, d *avro.SchemaNode, namespace string) {
	n, d = c.names.Follow(n, namespace), c.derived.Follow(d, namespace)
	if n.Type != d.Type || n.LogicalType != d.LogicalType || avsc.FullName(n) != avsc.FullName(d) {
		c.Add(path, "found %s, expected %s by the Go type", avsc.Describe(n), avsc.Describe(d))
		return
	}
	if name := avsc.FullName(n); name != "" {
		if c.seen[name] {
			return
		}
		c.seen[name] = true
		namespace = avsc.NamespaceOf(n)
	}
	switch n.Type {
	case "record":
		c.fields(path, n, d, namespace)
	case "union":
		if len(n.Branches) != len(d.Branches) {
			c.Add(path, "found %s, expected %s by the Go type", avsc.Describe(n), avsc.Describe(d))
			return
		}
		for i := range n.Branches {
			c.same(path, &n.Branches[i], &d.Branches[i], namespace)
		}
	case "array":
		c.same(path+"[]", n.Items, d.Items, namespace)
	case "map":
		c.same(path+"{}", n.Values, d.Values, namespace)
	case "enum":
		if !slices.Equal(n.Symbols, d.Symbols) || n.EnumDefault != d.EnumDefault {
			c.Add(path, "found symbols %s with default %q, expected %s with default %q by the Go type",
				list(n.Symbols), n.EnumDefault, list(d.Symbols), d.EnumDefault)
		}
	case "fixed":
		if n.Size != d.Size {
			c.Add(path, "found a fixed of %d bytes, expected %d by the Go type", n.Size, d.Size)
		}
	case "bytes":
		if n.Precision != d.Precision || n.Scale != d.Scale {
			c.Add(path, "found decimal(%d,%d), expected decimal(%d,%d) by the tag",
				n.Precision, n.Scale, d.Precision, d.Scale)
		}
	}
}

func (c *derivedCheck) fields(path string, n, d *avro.SchemaNode, namespace string) {
	inFile := make(map[string]*avro.SchemaField, len(n.Fields))
	for i := range n.Fields {
		inFile[n.Fields[i].Name] = &n.Fields[i]
	}
	for i := range d.Fields {
		want := &d.Fields[i]
		at := avsc.Join(path, want.Name)
		field, ok := inFile[want.Name]
		if !ok {
			c.Add(at, "not in the file, but in the Go type: add it, with a default if the schema was released")
			continue
		}
		delete(inFile, want.Name)
		c.same(at, &field.Type, &want.Type, namespace)
		switch {
		case want.HasDefault && (!field.HasDefault || !reflect.DeepEqual(field.Default, want.Default)):
			c.Add(at, "found %s, expected default %v by the Go type", spellDefault(field), want.Default)
		case want.Doc != "" && field.Doc != want.Doc:
			c.Add(at, "found doc %q, expected %q by the tag", field.Doc, want.Doc)
		}
		for _, alias := range want.Aliases {
			if !slices.Contains(field.Aliases, alias) {
				c.Add(at, "the file has no alias %q, which the tag says", alias)
			}
		}
	}
	for i := range n.Fields {
		if name := n.Fields[i].Name; inFile[name] != nil {
			c.Add(avsc.Join(path, name), "in the file, but not in the Go type: add a field tagged `avro:\"%s\"`", name)
		}
	}
}

func spellDefault(f *avro.SchemaField) string {
	if !f.HasDefault {
		return "no default"
	}
	return fmt.Sprintf("default %v", f.Default)
}
