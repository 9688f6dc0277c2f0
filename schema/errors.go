package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// What went wrong, for errors.Is. The errors of this package are a [RegistryError], [TypeError], [EncodeError] or
// [DecodeError] that wraps one of these.
var (
	// ErrNotFound: the registry answered, and has no such schema, version or subject.
	ErrNotFound = errors.New("schema not found")
	// ErrIncompatible: data written with one schema cannot be read with the other.
	ErrIncompatible = errors.New("schemas incompatible")
	// ErrInvalidSchema: it is not an Avro schema, or not one for this event type.
	ErrInvalidSchema = errors.New("schema invalid")
	// ErrUnauthorized: the registry wants other credentials.
	ErrUnauthorized = errors.New("schema registry denies access")
	// ErrRefused: the registry refused the request for another reason, which it gives, or answered with another schema than the one asked for.
	ErrRefused = errors.New("schema registry refuses the request")
	// ErrUnavailable: no registry answered. Of all errors of [Codec.Decode] this, [ErrUnauthorized] and that of a context are not
	// the value's fault and may pass: [RegistryError.Unavailable] reports these.
	ErrUnavailable = errors.New("schema registry unavailable")

	// ErrNoSchema: there is no schema file for an event type.
	ErrNoSchema = errors.New("no schema file")
	// ErrMismatch: a Go type and its schema disagree about a field.
	ErrMismatch = errors.New("mismatch of Go type and schema")
	// ErrUnsupported: the [Engine] cannot do what a schema asks for, or would do it wrongly; another one can.
	ErrUnsupported = errors.New("not supported by the Avro engine")
	// ErrNotBound: the event type was not given to Bind.
	ErrNotBound = errors.New("event type not bound")

	// Every error of [Codec.Decode] that is about the value is one of these four, and whoever reads events goes by it: an id that the registry
	// does not know, which may be a deployment under way; a revision that this program cannot read, and another release can; bytes that no
	// program can read; and a [RegistryError] that is Unavailable.

	// The first two match [eventstore.ErrUnknownEvent] too, by which subscriptions wait for a release.

	// ErrUnknownID: the registry answered, and has no schema of the id that the value names, also when asked again. It matches [ErrNotFound] too.
	ErrUnknownID = errors.New("schema id unknown")
	// ErrRevision: the value is sound, but what it was written with this program's schema, or its engine, cannot read. The error also
	// matches the reason: [ErrIncompatible], [ErrWrongRecord], [ErrUnsupported] or [ErrInvalidSchema].
	ErrRevision = errors.New("revision unreadable")
	// ErrDamaged: the bytes are no value of this wire format, or not one of the schema they name. The error also matches the reason: [ErrTooShort],
	// [ErrMagicByte], [ErrMalformed] or [ErrTrailingBytes].
	ErrDamaged = errors.New("value damaged")

	// ErrTooShort: the value ends before its schema id does.
	ErrTooShort = errors.New("value too short")
	// ErrMagicByte: the value does not start with the zero byte of the wire format.
	ErrMagicByte = errors.New("unknown magic byte")
	// ErrMalformed: the bytes are not what the schema they name describes, or name a schema id that no registry gives.
	ErrMalformed = errors.New("value malformed")
	// ErrTrailingBytes: more bytes follow where the value ends.
	ErrTrailingBytes = errors.New("trailing bytes")
	// ErrWrongRecord: the value was written with the schema of another record.
	ErrWrongRecord = errors.New("schema of another record")
)

// What is asked of a registry, for RegistryError.Op.
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

// RegistryError says what was asked of a registry and why it was not given.
type RegistryError struct {
	Op      string // such as "find schema"
	URL     string // of the registry, without credentials; "in memory" for a [Memory], "folder …" for a [Folder]
	Subject string // if one was asked for
	ID      int    // if one was asked for
	Status  int    // HTTP status of the answer; 0 without one
	Reason  error  // one of the sentinels; nil if ctx was cancelled
	Detail  string // what the registry said, or what was found
	Err     error  // cause, if there is one
}

// Error says what was asked where, what came back, and what to do.
func (e *RegistryError) Error() string {
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

func (e *RegistryError) advice() string {
	switch {
	case errors.Is(e.Reason, ErrNotFound) && e.ID != 0:
		return "a deployment that registers it may be under way; else check that this is the registry the value was written with; " +
			"if it is, the value's bytes are damaged"
	case errors.Is(e.Reason, ErrNotFound):
		return "register the schema in a deployment step: call schema.Register there, " +
			"or give the file to the registry's own tool under this subject"
	case errors.Is(e.Reason, ErrIncompatible):
		return "schema.Check says which field, and what to do"
	case errors.Is(e.Reason, ErrUnauthorized):
		return "check the user name and password, and what that user may do"
	case errors.Is(e.Reason, ErrUnavailable):
		return "check that the registry runs, that the URL is its root, and the network between"
	default:
		return ""
	}
}

// because completes e; it is written so that a failure is one line where it happens.
func (e *RegistryError) because(reason, err error) *RegistryError {
	e.Reason, e.Err = reason, err
	return e
}

// Unwrap returns the reason and the cause.
func (e *RegistryError) Unwrap() []error { return present(e.Reason, e.Err) }

// Is matches [ErrUnknownID] and [eventstore.ErrUnknownEvent].
func (e *RegistryError) Is(target error) bool {
	return (target == ErrUnknownID || target == eventstore.ErrUnknownEvent) && e.ID != 0 && errors.Is(e.Reason, ErrNotFound)
}

// TypeError says why an event type cannot be bound.
type TypeError struct {
	Type   event.Type
	File   string // the schema file
	Field  string // dotted path of the field concerned; empty if it is the type as a whole
	Reason error  // one of the sentinels, or nil if Err says it
	Detail string // what was found, what was expected, what to do
	Err    error  // cause, if there is one
}

// Error names type, file and field.
func (e *TypeError) Error() string {
	where := fmt.Sprintf("event type %s.%s", e.Type.Category, e.Type.Name)
	if e.File != "" {
		where += ", " + e.File
	}
	if e.Field != "" {
		where += fmt.Sprintf(", field %q", e.Field)
	}
	return join(where, e.Reason, e.Detail, e.Err)
}

// Unwrap returns the reason and the cause.
func (e *TypeError) Unwrap() []error { return present(e.Reason, e.Err) }

// EncodeError says why an event cannot be encoded. Nothing was encoded of it.
type EncodeError struct {
	Type   event.Type
	Reason error // [ErrNotBound] or [ErrMismatch]: a value that the schema does not allow
	Detail string
	Err    error // what the Avro library said, if it was asked
}

// Error names the type.
func (e *EncodeError) Error() string {
	return join(fmt.Sprintf("encode event %s.%s", e.Type.Category, e.Type.Name), e.Reason, e.Detail, e.Err)
}

// Unwrap returns the reason and the cause.
func (e *EncodeError) Unwrap() []error { return present(e.Reason, e.Err) }

// DecodeError says why a value cannot be decoded. The event it was to be decoded into may hold parts of it.
//
// Where the value stands only its reader knows: package aggregate wraps this error in its own, which has the record's partition and
// offset.
type DecodeError struct {
	Type   event.Type
	Topic  string // of the type's events, by the codec's prefix
	ID     int    // the schema id that the value names; 0 if it has none
	Size   int    // of the value, in bytes
	Reason error  // one of the sentinels; nil if Err has it, such as a *[RegistryError]
	Detail string
	Err    error // cause, if there is one
}

// Error names type, size, topic and schema id.
func (e *DecodeError) Error() string {
	what := fmt.Sprintf("decode %d bytes into event %s.%s of topic %s", e.Size, e.Type.Category, e.Type.Name, e.Topic)
	if e.ID != 0 {
		what += fmt.Sprintf(", written with schema id %d", e.ID)
	}
	return join(what, e.Reason, e.Detail, e.Err)
}

// Unwrap returns the reason and the cause.
func (e *DecodeError) Unwrap() []error { return present(e.Reason, e.Err) }

// Is matches [ErrDamaged], and [ErrRevision] with [eventstore.ErrUnknownEvent].
func (e *DecodeError) Is(target error) bool {
	switch target {
	case ErrDamaged:
		return e.isAny(ErrTooShort, ErrMagicByte, ErrMalformed, ErrTrailingBytes)
	case ErrRevision, eventstore.ErrUnknownEvent:
		return e.isAny(ErrWrongRecord, ErrIncompatible, ErrUnsupported, ErrInvalidSchema)
	}
	return false
}

func (e *DecodeError) isAny(reasons ...error) bool {
	cause := errors.Join(present(e.Reason, e.Err)...)
	return slices.ContainsFunc(reasons, func(reason error) bool { return errors.Is(cause, reason) })
}

func join(what string, reason error, detail string, err error) string {
	if reason != nil {
		what += ": " + reason.Error()
	}
	if detail != "" {
		what += ": " + detail
	}
	if err != nil {
		what += ": " + err.Error()
	}
	return what
}

func present(errs ...error) []error {
	var some []error
	for _, err := range errs {
		if err != nil {
			some = append(some, err)
		}
	}
	return some
}
