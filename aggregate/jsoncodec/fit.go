package jsoncodec

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/fencelog/fencelog/event"
)

// UnfitError says why events of a type cannot be kept in JSON.
type UnfitError struct {
	Type  event.Type
	Field string // such as "Lines[].Price"; empty for the event as a whole
	Found string
	Want  string
}

// Error names the type and the field, and says what to do.
func (e *UnfitError) Error() string {
	at := ""
	if e.Field != "" {
		at = ", field " + e.Field
	}
	return fmt.Sprintf("event %s.%s (%s)%s: found %s, expected %s", e.Type.Category, e.Type.Name, e.Type.Go, at,
		e.Found, e.Want)
}

// unfit returns what JSON cannot hold of an event type.
func unfit(t event.Type) []error {
	w := walk{typ: t, seen: make(map[reflect.Type]bool)}
	w.visit(t.Go, "")
	return w.wrong
}

type walk struct {
	typ   event.Type
	seen  map[reflect.Type]bool
	wrong []error
}

func (w *walk) refuse(field, found, want string) {
	w.wrong = append(w.wrong, &UnfitError{Type: w.typ, Field: field, Found: found, Want: want})
}

func (w *walk) visit(g reflect.Type, at string) {
	if w.seen[g] || ownJSON(g) {
		return
	}
	w.seen[g] = true
	switch g.Kind() {
	case reflect.Interface:
		w.refuse(at, "an interface, "+g.String(), "a type that says what is read back")
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		w.refuse(at, "a "+g.Kind().String(), "plain data")
	case reflect.Pointer, reflect.Slice, reflect.Array:
		w.visit(g.Elem(), at+suffix(g))
	case reflect.Map:
		w.visit(g.Elem(), at+"[]")
	case reflect.Struct:
		w.fields(g, at)
	default: // JSON holds it
	}
}

func suffix(g reflect.Type) string {
	if g.Kind() == reflect.Pointer {
		return ""
	}
	return "[]"
}

func (w *walk) fields(g reflect.Type, at string) {
	for i := range g.NumField() {
		f := g.Field(i)
		name := f.Name
		if at != "" {
			name = at + "." + f.Name
		}
		switch {
		case f.Tag.Get("json") == "-":
		case !f.IsExported() && !f.Anonymous:
			w.refuse(name, "a field that is not exported", `one that is, or the tag json:"-" if it need not be stored`)
		default:
			w.visit(f.Type, name)
		}
	}
}

// ownJSON reports whether the type says itself how it is written and read.
func ownJSON(g reflect.Type) bool {
	p := reflect.PointerTo(g)
	writes := p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
	reads := p.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	return writes && reads
}
