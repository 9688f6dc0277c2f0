package dispatch

import (
	"fmt"
	"reflect"
)

// UnknownError says that no handler is registered for a message.
type UnknownError struct {
	Type reflect.Type // of the message
	kind *Kind
}

// Error says which message and what to register.
func (e *UnknownError) Error() string {
	g := e.Type
	if g.Kind() == reflect.Pointer {
		g = g.Elem()
	}
	return fmt.Sprintf("%s %s has no handler: give a %s", e.kind.Name, e.Type, fmt.Sprintf(e.kind.Handler, g))
}

// Is matches the sentinel of the message's kind.
func (e *UnknownError) Is(target error) bool { return target == e.kind.Unknown }

// DuplicateError says that a message has a handler already. That handler stays.
type DuplicateError struct {
	Type          reflect.Type // of the message
	First, Second string       // the handlers' functions and where they are written
	kind          *Kind
}

// Error names both handlers.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%s %s has two handlers, %s and %s: register one", e.kind.Name, e.Type, e.First, e.Second)
}

// Is matches the sentinel of the message's kind.
func (e *DuplicateError) Is(target error) bool { return target == e.kind.Duplicate }
