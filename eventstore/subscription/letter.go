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
	// that is handled or discarded by now. It says what became of the other events of its commit. A
	// letter that never was is a *[NoLetterError].
	Show(ctx context.Context, id LetterID) (Event, []Trace, error)

	// Redrive asks that the letter's key is handled again: all its letters, in order, by the
	// running subscription that has the partition. Where one fails again, the rest stays set
	// aside. It returns when the request is stored, and the reason with it. A letter that is
	// handled or discarded, or never was, is a *[NoLetterError].
	Redrive(ctx context.Context, id LetterID, reason string) error

	// Discard gives the event up for this handler. Once the running subscription has read that, it
	// never calls the handler with the event again; a call under way is not stopped. The events
	// that waited behind it go on by themselves. It returns when the request is stored, and the
	// reason with it. Errors are as for Redrive.
	Discard(ctx context.Context, id LetterID, reason string) error

	// Close ends the use of the letters, and not the letters. It may be called more than once; it
	// always returns nil.
	Close() error
}

// Letter is an event that a handler did not handle, or that waits behind one of its key.
type Letter struct {
	ID          LetterID
	AggregateID string
	Key         string    // whose later events wait: the aggregate's id, or the partition key (see [Order])
	Waiting     bool      // the handler has not failed with it: it waits behind an earlier letter of its key
	Redrive     bool      // it is handled again if the handler succeeds with the letters of its key before it
	Error       string    // the handler's, of the last attempt
	Attempts    int       // so far
	First       time.Time // attempt
	Last        time.Time // attempt
	At          time.Time // when it was set aside
	SchemaID    int       // in the value, if that is in Confluent's wire format; otherwise 0
}

// Event is the event of a dead letter.
type Event struct {
	// Record is the event as the handler is given it. Its Commit says which part of its commit it
	// is. If the event cannot be read any more, only its aggregate id, value and position are
	// there.
	eventstore.Record

	// Headers are those of the stored record, byte for byte and in their order. A store that keeps
	// no headers has none.
	Headers []Header

	// Others are the other events of the commit, in order. There are none if the commit has one
	// event, or if the event cannot be read any more. A handler gets events one by one, so some of
	// them may be handled. With [ByPartitionKey] those behind the letter wait.
	Others []Part
}

// Part is another event of a dead letter's commit, and what became of it for the handler.
type Part struct {
	Stream  eventstore.Stream
	Version int64 // in the stream
	Offset  int64 // in the letter's partition
	State   State
}

// State says what became of an event for a handler.
type State string

// The states.
const (
	// StateHandled: the handler has handled it, or the group began behind it.
	StateHandled State = "handled"
	// StateDead: it is a dead letter, as the handler failed with it.
	StateDead State = "dead"
	// StateWaiting: it is set aside behind an earlier letter of its key.
	StateWaiting State = "waiting"
	// StateDiscarded: it was given up for this handler.
	StateDiscarded State = "discarded"
	// StateUnhandled: nobody knows yet that it is handled. It is no letter, and the group's offset
	// has not passed it. The handler may have it at the moment. It may also have handled it while
	// an earlier event of the partition is tried again.
	StateUnhandled State = "not handled yet"
)

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
