package schema

import (
	"reflect"
	"unsafe"
)

// boxed gives pointers to the structs of one type that interface values hold, without copying them.
//
// Avro libraries are several times faster with a pointer. Go gives no pointer to the value in an
// interface, and a copy costs nearly half of encoding the event. So this file knows how Go lays out
// an interface: two words. The second points to the value, or is the value if that is a single
// pointer. newBoxed finds out which by a zero value. Nobody may write through such a pointer.
type boxed struct {
	value   unsafe.Pointer // first word of an interface that holds a value of the type
	pointer unsafe.Pointer // first word of one that holds a pointer to it
	direct  bool           // the second word is the value
	typ     reflect.Type
}

// words is an empty interface as Go lays it out.
type words struct{ typ, data unsafe.Pointer }

func wordsOf(v any) words { return *(*words)(unsafe.Pointer(&v)) } //nolint:gosec // see boxed

func newBoxed(g reflect.Type) boxed {
	zero := wordsOf(reflect.Zero(g).Interface())
	return boxed{value: zero.typ, pointer: wordsOf(reflect.New(g).Interface()).typ, direct: zero.data == nil, typ: g}
}

// pointerTo returns a pointer to the struct that e holds, and the same as an interface value. It
// returns false if e holds no value of the type.
func (b *boxed) pointerTo(e any) (p unsafe.Pointer, pointer any, ok bool) {
	w := wordsOf(e)
	switch {
	case w.typ != b.value:
		return nil, nil, false
	case b.direct:
		v := reflect.New(b.typ)
		v.Elem().Set(reflect.ValueOf(e))
		return v.UnsafePointer(), v.Interface(), true
	}
	w.typ = b.pointer
	return w.data, *(*any)(unsafe.Pointer(&w)), true //nolint:gosec // see boxed
}

// identity returns a pointer that one Go type has and no other, and nil for none. It is the fastest
// key of a map by types. An interface with methods is laid out like an empty one.
func identity(g reflect.Type) unsafe.Pointer { return (*words)(unsafe.Pointer(&g)).data } //nolint:gosec // see boxed
