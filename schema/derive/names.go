package derive

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/files"
	"github.com/fencelog/fencelog/schema/internal/gotype"
)

// Named gives a Go type one name in every schema that [Schema] makes. A type that is stored as a
// record, an enum or a fixed may implement it, with a value receiver. If it does not, Schema names
// it after the field where it comes first in each event. Then one Go type may be several records.
type Named interface {
	// SchemaName returns the durable name, without a namespace. It is called on the zero value.
	SchemaName() string
}

// nameOf returns what a Go type says that it is called, or nothing.
func nameOf(g reflect.Type) string {
	if n, ok := reflect.Zero(g).Interface().(Named); ok && g.Kind() != reflect.Pointer {
		return n.SchemaName()
	}
	return ""
}

// CheckNames checks that the schema files of sources have one record, enum or fixed for each Go
// type of the events and their parts. If a Go type has several, readers that generate code from the
// schemas get several types for it. CheckNames skips types that have no name in Go, and files that
// are missing or invalid: [schema.Codec.Bind] reports these.
//
// It fails with joined *[schema.TypeError] with [schema.ErrMismatch]: one for each field in which a
// Go type has another name than where it comes first.
func CheckNames(sources schema.Sources, types []event.Type) error {
	c := nameCheck{first: make(map[reflect.Type]place)}
	var mistakes []error
	for _, t := range types {
		source, ok := sources[t.Category]
		if !ok || t.Go == nil {
			continue
		}
		text, err := fs.ReadFile(source, files.Of(t))
		if err != nil {
			continue
		}
		r, err := avsc.ParseRecord(string(text))
		if err != nil {
			continue
		}
		c.event, c.names, c.seen = t, avsc.NamesIn(r.Root), make(map[gotype.Pair]bool)
		c.walk("", t.Go, r.Root, "")
		mistakes = append(mistakes, c.found...)
		c.found = nil
	}
	return errors.Join(mistakes...)
}

// place is where a Go type comes first, and what it is called there.
type place struct{ name, field string }

type nameCheck struct {
	event event.Type
	names avsc.Names
	seen  map[gotype.Pair]bool
	first map[reflect.Type]place
	found []error
}

func (c *nameCheck) walk(path string, g reflect.Type, n *avro.SchemaNode, namespace string) {
	n = c.names.Follow(n, namespace)
	if n.Name != "" {
		pair := gotype.Pair{Go: g, Name: avsc.FullName(n)}
		if c.seen[pair] {
			return
		}
		c.seen[pair] = true
		c.note(path, g, avsc.FullName(n))
		namespace = avsc.NamespaceOf(n)
	}
	switch {
	case n.Type == avsc.KindUnion && g.Kind() == reflect.Pointer:
		for i := range n.Branches {
			c.walk(path, g.Elem(), &n.Branches[i], namespace)
		}
	case n.Type == avsc.KindArray && g.Kind() == reflect.Slice:
		c.walk(path+"[]", g.Elem(), n.Items, namespace)
	case n.Type == avsc.KindMap && g.Kind() == reflect.Map:
		c.walk(path+"{}", g.Elem(), n.Values, namespace)
	case n.Type == avsc.KindRecord && g.Kind() == reflect.Struct:
		for i := range n.Fields {
			if field, ok := gotype.TaggedField(g, n.Fields[i].Name); ok {
				c.walk(avsc.Join(path, n.Fields[i].Name), field.Type, &n.Fields[i].Type, namespace)
			}
		}
	}
}

// note remembers the name of a Go type, or reports that it had another name before. It skips the
// event itself, whose name is the event type's.
func (c *nameCheck) note(path string, g reflect.Type, name string) {
	if path == "" || g.Name() == "" || g.PkgPath() == "" {
		return
	}
	known, ok := c.first[g]
	if !ok {
		c.first[g] = place{name, fmt.Sprintf("%s.%s, field %q", c.event.Category, c.event.Name, path)}
		return
	}
	if known.name != name {
		c.found = append(c.found, &schema.TypeError{
			Type: c.event, File: files.Of(c.event), Field: path, Reason: schema.ErrMismatch,
			Detail: fmt.Sprintf("Go type %s is %s here and %s in %s: give the type a method SchemaName, "+
				"or both fields the tag `avro:\"…,type=Name\"`, before they are released",
				g, name, known.name, known.field),
		})
	}
}
