package schema

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// The errors of a registry, for errors.Is. They are here, and not in package schema/registry,
// because they are part of [Lookup].
var (
	// ErrNotFound: the registry answered, and has no such schema, version or subject.
	ErrNotFound = errors.New("schema not found")
	// ErrUnauthorized: the registry wants other credentials.
	ErrUnauthorized = errors.New("schema registry denies access")
	// ErrUnavailable: no registry answered.
	ErrUnavailable = errors.New("schema registry unavailable")
)

// The errors of a schema, for errors.Is.
var (
	// ErrNoSchema: there is no schema file for an event type.
	ErrNoSchema = errors.New("no schema file")
	// ErrInvalidSchema: it is not an Avro schema, or not one for this event type.
	ErrInvalidSchema = errors.New("schema invalid")
	// ErrIncompatible: data written with one schema cannot be read with the other.
	ErrIncompatible = errors.New("schemas incompatible")
	// ErrUnsupported: the [Engine] cannot do what a schema asks for, or would do it wrongly.
	// Another engine can.
	ErrUnsupported = errors.New("not supported by the Avro engine")
	// ErrMismatch: a Go type and its schema disagree about a field.
	ErrMismatch = errors.New("mismatch of Go type and schema")
	// ErrNotBound: the event type was not given to Bind.
	ErrNotBound = errors.New("event type not bound")
)

// The kinds of errors of [Codec.Decode] that are not mistakes of the caller, for errors.Is. A
// reader of events goes by the kind. The fourth kind is an error with a method Unavailable() bool
// that returns true: the registry did not answer.
//
// The first two also match [eventstore.ErrUnknownEvent], by which subscriptions wait for a release.
var (
	// ErrUnknownID: the registry has no schema of the id that the value names, also when asked
	// again. A deployment may be under way. It also matches [ErrNotFound].
	ErrUnknownID = errors.New("schema id unknown")
	// ErrRevision: the value is sound, and this program's schema or engine cannot read the
	// revision. The error also matches the reason: [ErrIncompatible], [ErrWrongRecord],
	// [ErrUnsupported] or [ErrInvalidSchema].
	ErrRevision = errors.New("revision unreadable")
	// ErrDamaged: the bytes are no value of this wire format, or not one of the schema they name.
	// The error also matches the reason: [ErrTooShort], [ErrMagicByte], [ErrMalformed] or
	// [ErrTrailingBytes].
	ErrDamaged = errors.New("value damaged")
)

// Reasons of [ErrDamaged] and [ErrRevision], for errors.Is.
var (
	// ErrTooShort: the value ends before its schema id does.
	ErrTooShort = errors.New("value too short")
	// ErrMagicByte: the value does not start with the zero byte of the wire format.
	ErrMagicByte = errors.New("unknown magic byte")
	// ErrMalformed: the bytes are not as the schema they name describes, or name a schema id that
	// no registry gives.
	ErrMalformed = errors.New("value malformed")
	// ErrTrailingBytes: more bytes follow where the value ends.
	ErrTrailingBytes = errors.New("trailing bytes")
	// ErrWrongRecord: the value was written with the schema of another record.
	ErrWrongRecord = errors.New("schema of another record")
)

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

// EncodeError says why an event cannot be encoded. Nothing of it was encoded.
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

// DecodeError says why a value cannot be decoded. The event may hold parts of the value then.
//
// It does not say where the value is. Package aggregate wraps it in an error that has the record's
// partition and offset.
type DecodeError struct {
	Type   event.Type
	Topic  string // of the type's events, by the codec's prefix
	ID     int    // the schema id that the value names; 0 if it has none
	Size   int    // of the value, in bytes
	Reason error  // one of the sentinels; nil if Err has it, such as an error of the registry
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
