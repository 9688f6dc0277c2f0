package command

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/fencelog/fencelog/internal/panics"
)

// PanicError is the error for a panic of a handler or middleware. It carries the stack. If the
// panic's value was an error, Unwrap returns it.
type PanicError = panics.Error

// Sentinels for errors.Is. Each stands for an error type that carries the facts.
var (
	// ErrUnknown: the command has no handler; see [UnknownError].
	ErrUnknown = errors.New("unknown command")
	// ErrDuplicate: the command has a handler already; see [DuplicateError].
	ErrDuplicate = errors.New("second handler for a command")
)

// UnknownError says that no handler is registered for a command. It matches [ErrUnknown].
type UnknownError struct{ Command reflect.Type }

// Error says which command and what to register.
func (e *UnknownError) Error() string {
	g := e.Command
	if g.Kind() == reflect.Pointer {
		g = g.Elem()
	}
	return fmt.Sprintf("command %s has no handler: give a func(context.Context, %s) error to command.Register",
		e.Command, g)
}

// Is matches [ErrUnknown].
func (e *UnknownError) Is(target error) bool { return target == ErrUnknown }

// DuplicateError says that a command has a handler already, which stays. It matches [ErrDuplicate].
type DuplicateError struct {
	Command       reflect.Type
	First, Second string // the handlers' functions and where they are written
}

// Error names both handlers.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("command %s has two handlers, %s and %s: register one", e.Command, e.First, e.Second)
}

// Is matches [ErrDuplicate].
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }
