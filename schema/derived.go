package schema

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/event"
)

// CheckDerived returns nil, or where the schema of a file and what [Derive] makes of the Go type disagree. The file may say more:
// documentation, aliases, defaults, properties. All else must be the same on both sides: names, types, what is
// optional, logical types, symbols and their order, and what the tags say.
//
// Errors are joined *[TypeError].
func CheckDerived(t event.Type, text string) error {
	file := fileOf(t)
	r, err := parseRecord(text)
	if err != nil {
		return &TypeError{Type: t, File: file, Reason: ErrInvalidSchema, Err: err}
	}
	derived, err := Derive(t, namespaceOf(r.root))
	if err != nil {
		return err
	}
	d, err := parseRecord(derived)
	if err != nil {
		return err
	}
	c := derivedCheck{names: newNames(r.root), derived: newNames(d.root), seen: make(map[string]bool)}
	c.same("", r.root, d.root, "")
	var mistakes []error
	for _, m := range c.found {
		mistakes = append(mistakes, &TypeError{Type: t, File: file, Field: m.field, Reason: ErrMismatch, Detail: m.detail})
	}
	return errors.Join(mistakes...)
}

type derivedCheck struct {
	names, derived names
	seen           map[string]bool
	found          []mismatch
}

func (c *derivedCheck) add(path, format string, args ...any) {
	c.found = append(c.found, mismatch{path, fmt.Sprintf(format, args...)})
}

// same compares a type n of the file with the type d that was derived.
func (c *derivedCheck) same(path string, n, d *avro.SchemaNode, namespace string) {
	n, d = c.names.follow(n, namespace), c.derived.follow(d, namespace)
	if n.Type != d.Type || n.LogicalType != d.LogicalType || fullName(n) != fullName(d) {
		c.add(path, "found %s, expected %s by the Go type", describe(n), describe(d))
		return
	}
	if name := fullName(n); name != "" {
		if c.seen[name] {
			return
		}
		c.seen[name] = true
		namespace = namespaceOf(n)
	}
	switch n.Type {
	case "record":
		c.fields(path, n, d, namespace)
	case "union":
		if len(n.Branches) != len(d.Branches) {
			c.add(path, "found %s, expected %s by the Go type", describe(n), describe(d))
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
			c.add(path, "found symbols %s with default %q, expected %s with default %q by the Go type",
				list(n.Symbols), n.EnumDefault, list(d.Symbols), d.EnumDefault)
		}
	case "fixed":
		if n.Size != d.Size {
			c.add(path, "found a fixed of %d bytes, expected %d by the Go type", n.Size, d.Size)
		}
	case "bytes":
		if n.Precision != d.Precision || n.Scale != d.Scale {
			c.add(path, "found decimal(%d,%d), expected decimal(%d,%d) by the tag", n.Precision, n.Scale, d.Precision, d.Scale)
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
		at := dotted(path, want.Name)
		field, ok := inFile[want.Name]
		if !ok {
			c.add(at, "not in the file, but in the Go type: add it, with a default if the schema was released")
			continue
		}
		delete(inFile, want.Name)
		c.same(at, &field.Type, &want.Type, namespace)
		switch {
		case want.HasDefault && (!field.HasDefault || !reflect.DeepEqual(field.Default, want.Default)):
			c.add(at, "found %s, expected default %v by the Go type", spellDefault(field), want.Default)
		case want.Doc != "" && field.Doc != want.Doc:
			c.add(at, "found doc %q, expected %q by the tag", field.Doc, want.Doc)
		}
		for _, alias := range want.Aliases {
			if !slices.Contains(field.Aliases, alias) {
				c.add(at, "the file has no alias %q, which the tag says", alias)
			}
		}
	}
	for i := range n.Fields {
		if name := n.Fields[i].Name; inFile[name] != nil {
			c.add(dotted(path, name), "in the file, but not in the Go type: add a field tagged `avro:\"%s\"`", name)
		}
	}
}

func spellDefault(f *avro.SchemaField) string {
	if !f.HasDefault {
		return "no default"
	}
	return fmt.Sprintf("default %v", f.Default)
}
