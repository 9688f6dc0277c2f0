// Package dispatch is the common part of the command bus and the query bus. It has a table of
// handlers by message type, and the rules for messages, ids and middleware.
//
// It calls no handler and logs nothing. A [Table] may be used by any number of goroutines;
// the functions keep no state.
package dispatch

import (
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/fencelog/fencelog/eventstore"
)

// Table holds at most one handler, an H, for each message type. The zero Table is empty.
type Table[H any] struct {
	mu      sync.RWMutex
	entries map[reflect.Type]entry[H]
}

type entry[H any] struct {
	handle H
	name   string
}

// Add puts handle into the table, under a name for people. If the table has a handler for g
// already, Add changes nothing, and returns the name of that handler and false.
func (t *Table[H]) Add(g reflect.Type, name string, handle H) (taken string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, found := t.entries[g]; found {
		return e.name, false
	}
	if t.entries == nil {
		t.entries = make(map[reflect.Type]entry[H])
	}
	t.entries[g] = entry[H]{handle: handle, name: name}
	return "", true
}

// Find returns the handler for g, and whether there is one.
func (t *Table[H]) Find(g reflect.Type) (H, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e, ok := t.entries[g]
	return e.handle, ok
}

// Chain wraps handle in the middleware, the first one outermost. It leaves out nil ones. Chain
// fails if a middleware returns a nil handler. The caller gives isNil, because no type constraint
// allows to compare an H with nil.
func Chain[H any, M ~func(H) H](handle H, middleware []M, isNil func(H) bool) (H, error) {
	for i := len(middleware) - 1; i >= 0; i-- {
		if middleware[i] == nil {
			continue
		}
		handle = middleware[i](handle)
		if isNil(handle) {
			return handle, &eventstore.InvalidError{
				Field: "middleware " + strconv.Itoa(i+1), Found: "nil returned", Want: "a handler that calls next",
			}
		}
	}
	return handle, nil
}

// CheckType returns nil, or an *[eventstore.InvalidError] if g is not a named struct type. Kind is
// "command" or "query".
func CheckType(kind string, g reflect.Type) error {
	if g.Kind() == reflect.Struct && g.Name() != "" {
		return nil
	}
	found, want := fmt.Sprintf("%s, a %s", g, g.Kind()), "a named struct type"
	switch {
	case g.Kind() == reflect.Pointer && g.Elem().Kind() == reflect.Struct && g.Elem().Name() != "":
		want = fmt.Sprintf("%s: a %s is passed by value", g.Elem(), kind)
	case g.Kind() == reflect.Struct:
		found = fmt.Sprintf("%s, which has no name", g)
	}
	return &eventstore.InvalidError{Field: kind + " type", Found: found, Want: want}
}

// CheckID returns nil, or an *[eventstore.InvalidError] if id could not be stored with an event.
func CheckID(field, id string) error {
	want := fmt.Sprintf("1 to %d bytes of UTF-8", eventstore.MaxIDBytes)
	switch {
	case id == "":
		return &eventstore.InvalidError{Field: field, Found: "nothing", Want: want}
	case len(id) > eventstore.MaxIDBytes:
		return &eventstore.InvalidError{Field: field, Found: strconv.Itoa(len(id)) + " bytes", Want: want}
	case !utf8.ValidString(id):
		return &eventstore.InvalidError{Field: field, Found: strconv.QuoteToASCII(id), Want: want}
	}
	return nil
}

// Pick returns the given value if there is one, else the inherited one, else a fresh one.
func Pick(given *string, inherited string, fresh func() string) string {
	switch {
	case given != nil:
		return *given
	case inherited != "":
		return inherited
	}
	return fresh()
}

// FuncName returns the name of the function f and where it is written, for people.
func FuncName(f any) string {
	fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer())
	if fn == nil {
		return "a function without a name"
	}
	file, line := fn.FileLine(fn.Entry())
	return fmt.Sprintf("%s (%s:%d)", fn.Name(), filepath.Base(file), line)
}
