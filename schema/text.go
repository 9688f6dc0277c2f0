package schema

import (
	"encoding"
	"fmt"
	"reflect"
	"unicode/utf8"
	"unsafe"

	"github.com/twmb/avro"
)

// texts says where the events of a Go type have strings. Avro's are UTF-8, and readers in other languages fail on what
// is not; no Avro library for Go looks. What counts is what is stored: of a type with MarshalText that is what it returns.
type texts struct {
	typ  reflect.Type
	flat []flatText // fields of the struct itself: found without reflection, which would take longer than the check
	rest *textNode  // what lies deeper; nil if there is none
}

type flatText struct {
	offset uintptr
	name   string
}

// textNode is a Go type with strings somewhere in it.
type textNode struct {
	kind     reflect.Kind // String, Struct, Pointer, Slice or Map, unless it marshals
	marshals bool         // MarshalText says what is stored
	fields   []textField  // of a Struct
	elem     *textNode    // of the others; nil in a Map whose values have none
}

type textField struct {
	index int
	name  string
	node  *textNode
}

// newTexts returns nil if a struct of the type, which fits the record, has no strings.
func newTexts(g reflect.Type, record *avro.SchemaNode) *texts {
	f := textFinder{names: newNames(record), seen: make(map[seenPair]*textNode)}
	root := f.node(g, record, namespaceOf(record))
	if root == nil {
		return nil
	}
	t := &texts{typ: g}
	rest := &textNode{kind: reflect.Struct}
	for _, field := range root.fields {
		if field.node.kind == reflect.String && !field.node.marshals {
			t.flat = append(t.flat, flatText{g.Field(field.index).Offset, field.name})
		} else {
			rest.fields = append(rest.fields, field)
		}
	}
	if len(rest.fields) > 0 {
		t.rest = rest
	}
	return t
}

type textFinder struct {
	names names
	seen  map[seenPair]*textNode
}

// node returns nil if there are no strings in values of the type.
func (f textFinder) node(g reflect.Type, n *avro.SchemaNode, namespace string) *textNode {
	n = f.names.follow(n, namespace)
	t := &textNode{kind: g.Kind()}
	switch {
	case n.Type == "string":
		t.marshals = reflect.PointerTo(g).Implements(reflect.TypeFor[encoding.TextMarshaler]())
		return t
	case n.Type == "union" && t.kind == reflect.Pointer:
		for i := range n.Branches {
			if elem := f.node(g.Elem(), &n.Branches[i], namespace); elem != nil {
				t.elem = elem
				return t
			}
		}
	case n.Type == "array" && t.kind == reflect.Slice:
		if t.elem = f.node(g.Elem(), n.Items, namespace); t.elem != nil {
			return t
		}
	case n.Type == "map" && t.kind == reflect.Map:
		t.elem = f.node(g.Elem(), n.Values, namespace)
		return t
	case n.Type == "record" && t.kind == reflect.Struct:
		return f.record(t, g, n)
	}
	return nil
}

func (f textFinder) record(t *textNode, g reflect.Type, n *avro.SchemaNode) *textNode {
	pair := seenPair{g, fullName(n)}
	if known, ok := f.seen[pair]; ok {
		return known
	}
	f.seen[pair] = t // it may contain itself
	for i := range n.Fields {
		field, ok := taggedField(g, n.Fields[i].Name)
		if !ok {
			continue
		}
		if node := f.node(field.Type, &n.Fields[i].Type, namespaceOf(n)); node != nil {
			t.fields = append(t.fields, textField{field.Index[0], n.Fields[i].Name, node})
		}
	}
	if len(t.fields) == 0 {
		f.seen[pair] = nil
		return nil
	}
	return t
}

// check returns nil, or which string of the struct that p points to is not UTF-8.
func (t *texts) check(p unsafe.Pointer) error {
	for i := range t.flat {
		if !validText(*(*string)(unsafe.Add(p, t.flat[i].offset))) {
			return notText(t.flat[i].name)
		}
	}
	if t.rest != nil {
		if path, ok := t.rest.find(reflect.NewAt(t.typ, p).Elem()); !ok {
			return notText(path[1:])
		}
	}
	return nil
}

// validText is utf8.ValidString, faster for what is short and has no special letters, as names of things are.
func validText(s string) bool {
	const short = 32
	if len(s) > short {
		return utf8.ValidString(s)
	}
	var all byte
	for i := range len(s) {
		all |= s[i]
	}
	return all < utf8.RuneSelf || utf8.ValidString(s)
}

func notText(path string) error {
	return fmt.Errorf("field %q is not UTF-8, which an Avro string is; make it \"bytes\" if it is no text", path)
}

// find returns where in v there is a string that is not UTF-8, or ok.
func (t *textNode) find(v reflect.Value) (path string, ok bool) {
	if t.marshals {
		return "", validMarshaled(v)
	}
	switch t.kind {
	case reflect.String:
		return "", utf8.ValidString(v.String())
	case reflect.Struct:
		for i := range t.fields {
			if path, ok := t.fields[i].node.find(v.Field(t.fields[i].index)); !ok {
				return "." + t.fields[i].name + path, false
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return t.elem.find(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			if path, ok := t.elem.find(v.Index(i)); !ok {
				return "[]" + path, false
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if !utf8.ValidString(entries.Key().String()) {
				return "{}", false
			}
			if t.elem == nil {
				continue
			}
			if path, ok := t.elem.find(entries.Value()); !ok {
				return "{}" + path, false
			}
		}
	default: // newTexts makes no other
	}
	return "", true
}

// validMarshaled reports whether what v is stored as is UTF-8. A value that fails to marshal is left to the Avro library, which fails too.
func validMarshaled(v reflect.Value) bool {
	m, ok := v.Interface().(encoding.TextMarshaler)
	if !ok { // its method is on the pointer
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		m, _ = p.Interface().(encoding.TextMarshaler)
	}
	text, err := m.MarshalText()
	return err != nil || utf8.Valid(text)
}
