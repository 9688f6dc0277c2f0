package states

import (
	"reflect"
	"time"
	"unsafe"
)

// measure tells how many bytes a value of one type refers to, beside its own. It is about so many:
// what several values share counts for each of them.
type measure struct {
	do func(reflect.Value, *visits) int
}

// visits bounds the walk through a value.
type visits struct{ left int }

// maxVisits is how many values are looked at in one state. A state that has more, or that contains
// itself, counts as larger than any cache.
const maxVisits = 1 << 20

// tooLarge is the size of a state that is not kept.
const tooLarge = 1 << 40

func (m *measure) call(v reflect.Value) int {
	n := visits{left: maxVisits}
	size := m.do(v, &n)
	if n.left <= 0 {
		return tooLarge
	}
	return size
}

// measureOf returns the measure of a type. Types that contain themselves have theirs in known.
func measureOf(t reflect.Type, known map[reflect.Type]*measure) *measure {
	if m := known[t]; m != nil {
		return m
	}
	m := &measure{}
	known[t] = m
	switch {
	case fixed(t):
		m.do = func(reflect.Value, *visits) int { return 0 }
		return m
	case t.Kind() == reflect.String:
		m.do = func(v reflect.Value, _ *visits) int { return v.Len() }
		return m
	}
	switch t.Kind() {
	case reflect.Struct:
		m.do = measureOfStruct(t, known)
	case reflect.Array, reflect.Slice:
		m.do = measureOfList(t, known)
	case reflect.Map:
		m.do = measureOfMap(t, known)
	case reflect.Pointer:
		elem := measureOf(t.Elem(), known)
		own := int(t.Elem().Size())
		m.do = func(v reflect.Value, n *visits) int {
			if n.left--; v.IsNil() || n.left <= 0 {
				return 0
			}
			return own + elem.do(v.Elem(), n)
		}
	case reflect.Interface:
		m.do = func(v reflect.Value, n *visits) int {
			if n.left--; v.IsNil() || n.left <= 0 {
				return 0
			}
			v = v.Elem()
			return int(v.Type().Size()) + measureOf(v.Type(), make(map[reflect.Type]*measure)).do(v, n)
		}
	default: // what channels and functions refer to, nobody can tell
		m.do = func(reflect.Value, *visits) int { return 0 }
	}
	return m
}

func measureOfStruct(t reflect.Type, known map[reflect.Type]*measure) func(reflect.Value, *visits) int {
	type part struct {
		index int
		*measure
	}
	var parts []part
	for i := range t.NumField() {
		if f := t.Field(i).Type; !fixed(f) {
			parts = append(parts, part{i, measureOf(f, known)})
		}
	}
	return func(v reflect.Value, n *visits) (size int) {
		for _, p := range parts {
			size += p.do(v.Field(p.index), n)
		}
		return size
	}
}

func measureOfList(t reflect.Type, known map[reflect.Type]*measure) func(reflect.Value, *visits) int {
	elem, own := measureOf(t.Elem(), known), 0
	if t.Kind() == reflect.Slice {
		own = int(t.Elem().Size())
	}
	if fixed(t.Elem()) {
		return func(v reflect.Value, _ *visits) int { return v.Cap() * own }
	}
	return func(v reflect.Value, n *visits) int {
		size := v.Cap() * own
		for i := 0; i < v.Len() && n.left > 0; i++ {
			n.left--
			size += elem.do(v.Index(i), n)
		}
		return size
	}
}

// bytesOfEntry is about what an entry of a map takes beside its key and value.
const bytesOfEntry = 8

func measureOfMap(t reflect.Type, known map[reflect.Type]*measure) func(reflect.Value, *visits) int {
	key, elem := measureOf(t.Key(), known), measureOf(t.Elem(), known)
	each := int(t.Key().Size()+t.Elem().Size()) + bytesOfEntry
	if fixed(t.Key()) && fixed(t.Elem()) {
		return func(v reflect.Value, _ *visits) int { return v.Len() * each }
	}
	return func(v reflect.Value, n *visits) int {
		size := v.Len() * each
		for it := v.MapRange(); n.left > 0 && it.Next(); {
			n.left--
			size += key.do(it.Key(), n) + elem.do(it.Value(), n)
		}
		return size
	}
}

// fixed reports whether a value of the type refers to nothing that a state pays for.
func fixed(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() || isHandle(t) {
			return true
		}
		for i := range t.NumField() {
			if !fixed(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Array:
		return t.Len() == 0 || fixed(t.Elem())
	case reflect.String, reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return false
	default:
		return true
	}
}

// size returns about how many bytes a state takes.
func (k *Kind[S]) size(s *S) int {
	own := int(unsafe.Sizeof(*s))
	if k.fixed {
		return own
	}
	return own + k.measure(reflect.ValueOf(s).Elem())
}
