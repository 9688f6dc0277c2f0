package states

import (
	"fmt"
	"reflect"
	"time"
)

// Cloner is what a state has whose values refer to something. Clone returns a copy: what is done to
// the one does not change the other.
type Cloner[S any] interface{ Clone() S }

// Kind is how states of one type are copied and measured.
type Kind[S any] struct {
	clone   func(*S) S // nil if an assignment is a copy
	measure func(reflect.Value) int
	fixed   bool // all states have one size
	flat    bool // a state consists of itself and the bytes of its texts
}

// SharedError says why states of a type cannot be shared.
type SharedError struct {
	Type  reflect.Type // of the state
	Path  string       // of the field in it; empty if the state itself refers to something
	Found reflect.Type // of the field
}

// Error says what was found and what to do.
func (e *SharedError) Error() string {
	where := "it is"
	if e.Path != "" {
		where = "its field " + e.Path + " is"
	}
	kind := e.Found.Kind().String()
	if kind == "ptr" {
		kind = "pointer"
	}
	return fmt.Sprintf("states of type %s cannot be cached, because %s of type %s: a copy would share what the %s "+
		"refers to. Give %s a method Clone() %s that copies it, or set Cache.Off", e.Type, where, e.Found, kind,
		e.Type, e.Type)
}

// KindOf returns how states are copied and measured. It fails with a *[SharedError] if S refers to
// something and is no [Cloner].
func KindOf[S any]() (*Kind[S], error) {
	t := reflect.TypeFor[S]()
	k := &Kind[S]{}
	path, found := reference(t, "")
	if found != nil {
		if _, ok := any(new(S)).(Cloner[S]); !ok {
			return nil, &SharedError{Type: t, Path: path, Found: found}
		}
		k.clone = func(s *S) S { return any(s).(Cloner[S]).Clone() }
	}
	k.measure = measureOf(t, make(map[reflect.Type]*measure)).call
	k.flat = found == nil
	k.fixed = k.flat && fixed(t)
	return k, nil
}

// Uncached returns the kind of states that are not kept: nobody copies or measures them.
func Uncached[S any]() *Kind[S] { return &Kind[S]{flat: true, fixed: true} }

// Copy returns a copy of a state.
func (k *Kind[S]) Copy(s S) S {
	if k.clone == nil {
		return s
	}
	original := s // a variable, so that the states that nobody clones need not be on the heap
	return k.clone(&original)
}

// Flat reports whether an assignment copies a state.
func (k *Kind[S]) Flat() bool { return k.flat }

// reference returns the first part of a type through which two copies of a value share something,
// with its path, or nil. It does not count texts and times, which nobody can change.
func reference(t reflect.Type, path string) (at string, found reflect.Type) {
	switch t.Kind() {
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() || isHandle(t) {
			return "", nil
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if at, found := reference(f.Type, join(path, f.Name)); found != nil {
				return at, found
			}
		}
		return "", nil
	case reflect.Array:
		if t.Len() == 0 {
			return "", nil
		}
		return reference(t.Elem(), path+"[0]")
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan,
		reflect.UnsafePointer:
		return path, t
	default:
		return "", nil
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// isHandle reports whether the type is a unique.Handle, as addresses of package netip have it. It
// refers to what never changes.
func isHandle(t reflect.Type) bool { return t.PkgPath() == "unique" }
