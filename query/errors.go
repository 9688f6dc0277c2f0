package query

import (
	"errors"

	"github.com/fencelog/fencelog/internal/dispatch"
	"github.com/fencelog/fencelog/internal/panics"
)

// PanicError is the error for a panic of a handler or middleware. It carries the stack. If the
// panic's value was an error, Unwrap returns it. Its fields are
//
//	In    string // whose code panicked, such as "handler of CreateAccount"
//	Value any    // what it panicked with
//	Stack []byte // the stack of the goroutine at that moment
type PanicError = panics.Error

// Sentinels for errors.Is. Each stands for an error type that carries the facts.
var (
	// ErrUnknown: the query has no handler; see [UnknownError].
	ErrUnknown = errors.New("unknown query")
	// ErrDuplicate: the query has a handler already; see [DuplicateError].
	ErrDuplicate = errors.New("second handler for a query")
)

// UnknownError says that no handler is registered for a query. It matches [ErrUnknown]. Its
// field Type is the reflect.Type of the query.
type UnknownError = dispatch.UnknownError

// DuplicateError says that a query has a handler already. That handler stays. It matches
// [ErrDuplicate]. Its field Type is the reflect.Type of the query. First and Second name the
// handlers' functions and where they are written.
type DuplicateError = dispatch.DuplicateError
