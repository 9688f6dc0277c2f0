package command

import (
	"encoding"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// shape is what the canonical form of a value takes from the type of the value.
type shape struct {
	typ   reflect.Type
	kind  reflect.Kind
	name  string // of the type
	named bool   // its values are [Named]
	time  bool   // its values are times

	// none returns the text of the zero value, if the values have a MarshalText; otherwise none is
	// nil. Then byValue says that a value has the method, and not only a pointer to one.
	none    func() (string, error)
	byValue bool

	bits   int     // of a number
	key    *shape  // of a map
	elem   *shape  // of a pointer, a list or a map
	fields []field // of a struct, in the order of their names
}

// field is a field of a struct.
type field struct {
	shape *shape
	key   string // as the form has it
	name  string // in Go
	index int
}

// shapeOf returns the shape of the values of a type.
func (d *digests) shapeOf(t reflect.Type) *shape {
	s, ok := d.shapes.Load(t)
	if !ok {
		s, _ = d.shapes.LoadOrStore(t, newShape(t, make(map[reflect.Type]*shape)))
	}
	return s.(*shape)
}

// newShape makes the shape of a type. Types that contain themselves have theirs in known.
func newShape(t reflect.Type, known map[reflect.Type]*shape) *shape {
	if s := known[t]; s != nil {
		return s
	}
	s := &shape{typ: t, kind: t.Kind(), name: t.Name(), named: t.Implements(reflect.TypeFor[Named]())}
	known[t] = s
	if s.name == "" {
		s.name = t.String()
	}
	marshaler := reflect.TypeFor[encoding.TextMarshaler]()
	switch t.Kind() {
	case reflect.Pointer:
		s.elem = newShape(t.Elem(), known)
		return s
	case reflect.Interface: // each value has its own
		return s
	case reflect.Struct:
		if s.time = t.ConvertibleTo(reflect.TypeFor[time.Time]()); s.time {
			return s
		}
	default:
	}
	if reflect.PointerTo(t).Implements(marshaler) { // as it does if t does
		s.byValue = t.Implements(marshaler)
		s.none = sync.OnceValues(func() (string, error) {
			text, err := s.marshal(reflect.Zero(t))
			return string(text), err
		})
		return s
	}
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		s.bits = t.Bits()
	case reflect.Slice, reflect.Array:
		s.elem = newShape(t.Elem(), known)
	case reflect.Map:
		s.key, s.elem = newShape(t.Key(), known), newShape(t.Elem(), known)
	case reflect.Struct:
		s.fields = fieldsOf(t, known)
	default:
	}
	return s
}

func fieldsOf(t reflect.Type, known map[reflect.Type]*shape) []field {
	type named struct {
		name  string
		index int
	}
	order := make([]named, t.NumField())
	for i := range order {
		order[i] = named{nameOfField(t.Field(i)), i}
	}
	slices.SortStableFunc(order, func(a, b named) int { return strings.Compare(a.name, b.name) })
	fields := make([]field, len(order))
	for i, x := range order {
		f := t.Field(x.index)
		fields[i] = field{
			shape: newShape(f.Type, known), key: "k" + strconv.Itoa(len(x.name)) + ":" + x.name, name: f.Name,
			index: x.index,
		}
	}
	return fields
}

// nameOfField returns the name that the json tag of a field gives, if it gives one. Then a rename
// in Go changes nothing.
func nameOfField(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" || name == "-" {
		return f.Name
	}
	return name
}

// nameOf returns the durable name of a value's type, or else the name in Go. A nil pointer has the
// name that another one has: its method may look at what it points to.
func (s *shape) nameOf(v reflect.Value) string {
	if s.named && v.CanInterface() {
		if v.Kind() == reflect.Pointer && v.IsNil() {
			v = reflect.New(v.Type().Elem())
		}
		return v.Interface().(Named).CommandType()
	}
	return s.name
}

// marshal returns the text of a value that has a MarshalText.
func (s *shape) marshal(v reflect.Value) ([]byte, error) {
	if !s.byValue {
		p := reflect.New(s.typ)
		p.Elem().Set(v)
		v = p
	}
	return v.Interface().(encoding.TextMarshaler).MarshalText()
}
