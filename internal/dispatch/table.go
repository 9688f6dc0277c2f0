// Package dispatch is what the command bus and the query bus have in common. They find the handler
// of a message by its Go type, and give the message an id, a time and a cause.
//
// It stores nothing, and never runs a handler by itself. Any number of goroutines may use a [Bus].
// The functions keep no state.
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

// table holds at most one handler, an H, for each message type. The zero table is empty.
type table[H any] struct {
	mu      sync.RWMutex
	entries map[reflect.Type]entry[H]
}

type entry[H any] struct {
	handle H
	name   string
}

// add puts handle into the table, under a name for people. If there is one for g already, the table
// stays as it is, and add returns that one's name and false.
func (t *table[H]) add(g reflect.Type, name string, handle H) (taken string, ok bool) {
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

// find returns the handler for g, and whether there is one.
func (t *table[H]) find(g reflect.Type) (H, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e, ok := t.entries[g]
	return e.handle, ok
}

// chain wraps handle in the middleware, the first one outermost. It leaves out nil ones. It fails
// if one of them returns a nil handler.
func chain[R any](handle Handler[R], middleware []func(Handler[R]) Handler[R]) (Handler[R], error) {
	for i := len(middleware) - 1; i >= 0; i-- {
		if middleware[i] == nil {
			continue
		}
		if handle = middleware[i](handle); handle == nil {
			return nil, &eventstore.InvalidError{
				Field: "middleware " + strconv.Itoa(i+1), Found: "nil returned", Want: "a handler that calls next",
			}
		}
	}
	return handle, nil
}

// checkType returns nil, or an *[eventstore.InvalidError] if g is not a named struct type. Kind is
// "command" or "query".
func checkType(kind string, g reflect.Type) error {
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
	var found string
	switch {
	case id == "":
		found = "nothing"
	case len(id) > eventstore.MaxIDBytes:
		found = strconv.Itoa(len(id)) + " bytes"
	case !utf8.ValidString(id):
		found = strconv.QuoteToASCII(id)
	default:
		return nil
	}
	return &eventstore.InvalidError{
		Field: field, Found: found, Want: fmt.Sprintf("1 to %d bytes of UTF-8", eventstore.MaxIDBytes),
	}
}

// funcName returns the name of the function f and where it is written, for people.
func funcName(f any) string {
	fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer())
	if fn == nil {
		return "a function without a name"
	}
	file, line := fn.FileLine(fn.Entry())
	return fmt.Sprintf("%s (%s:%d)", fn.Name(), filepath.Base(file), line)
}
