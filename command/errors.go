package command

import (
	"errors"

	"github.com/fencelog/fencelog/internal/dispatch"
	"github.com/fencelog/fencelog/internal/panics"
)

// PanicError is the error that a panicking handler or middleware is turned into; it carries the stack. If the
// panic's value was an error, it is unwrapped to that.
type PanicError = panics.Error

// Sentinels for errors.Is; each stands for an error type that carries the facts.
var (
	// ErrUnknown: the command has no handler; see [UnknownError].
	ErrUnknown = errors.New("unknown command")
	// ErrDuplicate: the command has a handler already; see [DuplicateError].
	ErrDuplicate = errors.New("second handler for a command")
)

// UnknownError says that no handler is registered for a command. It matches [ErrUnknown].
type UnknownError = dispatch.UnknownError

// DuplicateError says that a command has a handler already; that one stays. It matches [ErrDuplicate].
type DuplicateError = dispatch.DuplicateError
