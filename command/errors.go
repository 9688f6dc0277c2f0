package command

import (
	"errors"

	"github.com/fencelog/fencelog/internal/dispatch"
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
type UnknownError = dispatch.UnknownError

// DuplicateError says that a command has a handler already. That handler stays. It matches
// [ErrDuplicate].
type DuplicateError = dispatch.DuplicateError
