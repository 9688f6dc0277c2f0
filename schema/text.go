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
	rest *parts     // what lies deeper; nil if there is none
}

type flatText struct {
	offset uintptr
	name   string
}

// newTexts returns nil if a struct of the type, which fits the record, has no strings.
func newTexts(g reflect.Type, record *avro.SchemaNode) *texts {
	root := partsOf(g, record, textOf, wrongText)
	if root == nil {
		return nil
	}
	t := &texts{typ: g}
	rest := &parts{kind: reflect.Struct}
	for _, field := range root.fields {
		if g.Field(field.index).Type.Kind() == reflect.String && !marshalsText(g.Field(field.index).Type) && field.part.wrong != nil {
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

func marshalsText(g reflect.Type) bool {
	return reflect.PointerTo(g).Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// textOf returns what finds out that a string is none.
func textOf(g reflect.Type, n *avro.SchemaNode) func(reflect.Value) string {
	switch {
	case n.Type != "string":
		return nil
	case marshalsText(g):
		return func(v reflect.Value) string {
			if text, err := marshaled(v); err == nil && !utf8.Valid(text) {
				return notText
			}
			return "" // one that fails to marshal is left to the Avro library, which fails too
		}
	}
	return func(v reflect.Value) string { return wrongText(v.String()) }
}

const notText = "is not UTF-8, which an Avro string is; make it \"bytes\" if it is no text"

func wrongText(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return notText
}

// check returns nil, or which string of the struct that p points to is not UTF-8.
func (t *texts) check(p unsafe.Pointer) error {
	for i := range t.flat {
		if !validText(*(*string)(unsafe.Add(p, t.flat[i].offset))) {
			return fmt.Errorf("field %q %s", t.flat[i].name, notText)
		}
	}
	if t.rest != nil {
		return t.rest.check(reflect.NewAt(t.typ, p).Elem())
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

// marshaled returns what v is stored as.
func marshaled(v reflect.Value) ([]byte, error) {
	m, ok := v.Interface().(encoding.TextMarshaler)
	if !ok { // its method is on the pointer
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		m, _ = p.Interface().(encoding.TextMarshaler)
	}
	return m.MarshalText()
}
