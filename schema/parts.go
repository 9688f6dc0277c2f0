package schema

import (
	"fmt"
	"math/big"
	"reflect"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/gotype"
)

// parts says where values of a Go type have something to look at.
type parts struct {
	kind   reflect.Kind                 // Struct, Pointer, Slice or Map; else it is looked at itself
	wrong  func(v reflect.Value) string // says what is wrong with v, which is addressable; empty for nothing
	text   bool                         // wrong is wrongText of a string
	span   *timeSpan                    // that wrong checks a time.Time by; nil if it checks something else
	fields []partField                  // of a Struct
	elem   *parts                       // of the others; nil in a Map whose values have nothing
	key    func(key string) string      // says what is wrong with a key of a Map; nil if keys are not looked at
}

type partField struct {
	index int
	name  string
	part  *parts
}

// leaf returns the parts that find something wrong with a value of a Go type that is stored as n.
// It returns nil if nothing can be wrong with such a value by itself.
type leaf func(g reflect.Type, n *avro.SchemaNode) *parts

// partsOf returns where a struct of the type, which fits the record, has values that find looks at.
// It returns nil if there are none. key looks at the keys of maps; it may be nil.
func partsOf(g reflect.Type, record *avro.SchemaNode, find leaf, key func(string) string) *parts {
	f := partFinder{leaf: find, key: key, names: avsc.NamesIn(record), seen: make(map[gotype.Pair]*parts)}
	return f.find(g, record, avsc.NamespaceOf(record))
}

type partFinder struct {
	leaf  leaf
	key   func(string) string
	names avsc.Names
	seen  map[gotype.Pair]*parts
}

func (f partFinder) find(g reflect.Type, n *avro.SchemaNode, namespace string) *parts {
	n = f.names.Follow(n, namespace)
	if found := f.leaf(g, n); found != nil {
		return found
	}
	p := &parts{kind: g.Kind()}
	switch {
	case n.Type == avsc.KindUnion:
		return f.union(p, g, n, namespace)
	case n.Type == avsc.KindArray && p.kind == reflect.Slice:
		if p.elem = f.find(g.Elem(), n.Items, namespace); p.elem != nil {
			return p
		}
	case n.Type == avsc.KindMap && p.kind == reflect.Map:
		p.key, p.elem = f.key, f.find(g.Elem(), n.Values, namespace)
		if p.key != nil || p.elem != nil {
			return p
		}
	case n.Type == avsc.KindRecord && p.kind == reflect.Struct:
		return f.record(p, g, n)
	}
	return nil
}

// union finds parts of the branch that is not null. A pointer stands for it, except for a type that
// is a pointer itself.
func (f partFinder) union(p *parts, g reflect.Type, n *avro.SchemaNode, namespace string) *parts {
	for i := range n.Branches {
		branch := f.names.Follow(&n.Branches[i], namespace)
		if g == reflect.TypeFor[*big.Rat]() {
			found := f.leaf(g, branch)
			if found == nil {
				continue
			}
			p.wrong = func(v reflect.Value) string {
				if v.IsNil() {
					return ""
				}
				return found.wrong(v)
			}
			return p
		}
		if p.kind != reflect.Pointer {
			continue
		}
		if p.elem = f.find(g.Elem(), branch, namespace); p.elem != nil {
			return p
		}
	}
	return nil
}

func (f partFinder) record(p *parts, g reflect.Type, n *avro.SchemaNode) *parts {
	pair := gotype.Pair{Go: g, Name: avsc.FullName(n)}
	if known, ok := f.seen[pair]; ok {
		return known
	}
	f.seen[pair] = p // it may contain itself
	for i := range n.Fields {
		field, ok := gotype.TaggedField(g, n.Fields[i].Name)
		if !ok {
			continue
		}
		if part := f.find(field.Type, &n.Fields[i].Type, avsc.NamespaceOf(n)); part != nil {
			p.fields = append(p.fields, partField{field.Index[0], n.Fields[i].Name, part})
		}
	}
	if len(p.fields) == 0 {
		f.seen[pair] = nil
		return nil
	}
	return p
}

// check returns nil, or what is wrong where in v, an addressable struct.
func (p *parts) check(v reflect.Value) error {
	if path, wrong := p.find(v); wrong != "" {
		return fmt.Errorf("field %q %s", path[1:], wrong)
	}
	return nil
}

// find returns what is wrong in v, and where; wrong is empty for nothing.
func (p *parts) find(v reflect.Value) (path, wrong string) {
	if p.wrong != nil {
		return "", p.wrong(v)
	}
	switch p.kind {
	case reflect.Struct:
		for i := range p.fields {
			if path, wrong := p.fields[i].part.find(v.Field(p.fields[i].index)); wrong != "" {
				return "." + p.fields[i].name + path, wrong
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return p.elem.find(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			if path, wrong := p.elem.find(v.Index(i)); wrong != "" {
				return "[]" + path, wrong
			}
		}
	case reflect.Map:
		return p.findInMap(v)
	default: // partsOf makes no other
	}
	return "", ""
}

// findInMap copies the entries to where they are addressable. It allocates no more for many
// entries.
func (p *parts) findInMap(v reflect.Value) (path, wrong string) {
	if v.Len() == 0 {
		return "", ""
	}
	key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	for entries := v.MapRange(); entries.Next(); {
		if p.key != nil {
			key.SetIterKey(entries)
			if wrong := p.key(key.String()); wrong != "" {
				return "{}", wrong
			}
		}
		if p.elem == nil {
			continue
		}
		value.SetIterValue(entries)
		if path, wrong := p.elem.find(value); wrong != "" {
			return "{}" + path, wrong
		}
	}
	return "", ""
}
