package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/schema"
)

// ErrRefused means that the registry refused the request, and says why. It also means that the
// registry answered with another schema than the one asked for.
var ErrRefused = errors.New("schema registry refuses the request")

// The requests to a registry, for Error.Op.
const (
	opSchema   = "get schema"
	opFind     = "find schema"
	opRegister = "register schema"
	opLatest   = "get latest schema"
	opVersions = "list versions"
	opSubjects = "list subjects"
	opSetLevel = "set compatibility"
	opOpen     = "open schemas"
)

// Error says what was asked of a registry, and why the registry did not do it.
type Error struct {
	Op      string // such as "find schema"
	URL     string // of the registry, without credentials; "in memory" for a [Memory], "folder …" for a [Folder]
	Subject string // if one was asked for
	ID      int    // if one was asked for
	Status  int    // HTTP status of the answer; 0 without one
	Reason  error  // a sentinel of package schema, or [ErrRefused]; nil if Err says it, as where ctx was cancelled
	Detail  string // what the registry said, or what was found
	Err     error  // cause, if there is one
}

// Error says what was asked where, what came back, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.ID != 0 {
		fmt.Fprintf(&b, " with id %d", e.ID)
	}
	if e.Subject != "" {
		fmt.Fprintf(&b, " of subject %q", e.Subject)
	}
	fmt.Fprintf(&b, ", registry %s", e.URL)
	if e.Reason != nil {
		fmt.Fprintf(&b, ": %v", e.Reason)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if advice := e.advice(); advice != "" {
		fmt.Fprintf(&b, "; %s", advice)
	}
	return b.String()
}

func (e *Error) advice() string {
	switch {
	case errors.Is(e.Reason, schema.ErrNotFound) && e.ID != 0:
		return "a deployment that registers it may be under way; else check that this is the registry the value " +
			"was written with; if it is, the value's bytes are damaged"
	case errors.Is(e.Reason, schema.ErrNotFound):
		return "register the schema in a deployment step: call registry.Register there, " +
			"or give the file to the registry's own tool under this subject"
	case errors.Is(e.Reason, schema.ErrIncompatible):
		return "registry.Check says which field, and what to do"
	case errors.Is(e.Reason, schema.ErrUnauthorized):
		return "check the user name and password, and what that user may do"
	case errors.Is(e.Reason, schema.ErrUnavailable):
		return "check that the registry runs, that the URL is its root, and the network between"
	default:
		return ""
	}
}

// because completes e, so that a failure is one line where it happens.
func (e *Error) because(reason, err error) *Error {
	e.Reason, e.Err = reason, err
	return e
}

// Unwrap returns the reason and the cause.
func (e *Error) Unwrap() []error {
	return slices.DeleteFunc([]error{e.Reason, e.Err}, func(err error) bool { return err == nil })
}

// Is matches [schema.ErrUnknownID] and [eventstore.ErrUnknownEvent] if the registry has no schema
// of an id.
func (e *Error) Is(target error) bool {
	return (target == schema.ErrUnknownID || target == eventstore.ErrUnknownEvent) &&
		e.ID != 0 && errors.Is(e.Reason, schema.ErrNotFound)
}

// Unavailable reports whether the same request may succeed later: the registry did not answer, it
// refused this program's credentials, or ctx ended. The credentials may be given again. While it
// reports true, a reader of events waits, and does not set the event aside.
func (e *Error) Unavailable() bool {
	passing := []error{schema.ErrUnavailable, schema.ErrUnauthorized, context.Canceled, context.DeadlineExceeded}
	for _, reason := range passing {
		if errors.Is(e, reason) {
			return true
		}
	}
	return false
}
