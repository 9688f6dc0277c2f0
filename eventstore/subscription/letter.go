package subscription

import (
	"context"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// DeadLetters are the events that handlers did not handle, for those who look after them. The
// running subscriptions do what is asked here. Methods may be called by any number of goroutines.
type DeadLetters interface {
	// List returns the letters of the handler, or of all handlers if it is empty. Those that are
	// handled or discarded are left out. Letters come in the order in which they were set aside.
	// List knows all that is set aside at the time of the call.
	List(ctx context.Context, handler string) ([]Letter, error)

	// Show returns the event of a letter, whole, and all that happened to the letter, also of one
	// that is handled or discarded by now. A letter that never was is a *[NoLetterError].
	Show(ctx context.Context, id LetterID) (Event, []Trace, error)

	// Redrive asks that the letter's key is handled again: all its letters, in order, by the
	// running subscription that has the partition. Where one fails again, the rest stays set
	// aside. It returns when the request is stored, and the reason with it. A letter that is
	// handled or discarded, or never was, is a *[NoLetterError].
	Redrive(ctx context.Context, id LetterID, reason string) error

	// Discard gives the event up for this handler, which is never called with it again. The events
	// that waited behind it go on by themselves. It returns when the request is stored, and the
	// reason with it. Errors are as for Redrive.
	Discard(ctx context.Context, id LetterID, reason string) error

	// Close ends the use of the letters, and not the letters. It may be called more than once; it
	// always returns nil.
	Close() error
}

// Letter is an event that a handler did not handle, or that waits behind one of its aggregate.
type Letter struct {
	ID       LetterID
	Key      string    // the aggregate's id
	Waiting  bool      // the handler has not failed with it: it waits behind an earlier letter of its key
	Redrive  bool      // it is handled again: somebody asked for its key, or what it waited behind is done with
	Error    string    // the handler's, of the last attempt
	Attempts int       // so far
	First    time.Time // attempt
	Last     time.Time // attempt
	At       time.Time // when it was set aside
	SchemaID int       // in the value, if that is in Confluent's wire format; otherwise 0
}

// Event is the event of a dead letter.
type Event struct {
	// Record is the event as the handler is given it. If it cannot be read any more, only its
	// aggregate id, value and position are there.
	eventstore.Record

	// Headers are those of the stored record, byte for byte and in their order. A store that keeps
	// no headers has none.
	Headers []Header
}

// Header is one header of a stored record.
type Header struct {
	Name  string
	Value []byte
}

// Trace is one thing that happened to a dead letter.
type Trace struct {
	At       time.Time
	What     string // "dead", "waiting", "redrive", "failed", "handled" or "discarded"
	Note     string // the handler's error, or the reason that was given
	Attempts int
}
