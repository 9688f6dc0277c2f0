package letters

import (
	"cmp"
	"encoding/binary"
	"time"

	"github.com/fencelog/fencelog/eventstore/subscription"
)

// Kind says what an entry tells.
type Kind string

// The kinds. The first two carry the event whole; the others tell what became of a letter.
const (
	Dead      Kind = "dead"      // the handler failed, and the event was set aside
	Waiting   Kind = "waiting"   // an earlier event of its key is set aside, so it waits behind that
	Redrive   Kind = "redrive"   // somebody asked that the letters of the key in the order are handled again
	Failed    Kind = "failed"    // the handler failed again
	Handled   Kind = "handled"   // the handler succeeded
	Discarded Kind = "discarded" // somebody gave the event up for this handler

	// Rewound says that somebody has set the group's offset of the partition to this one: what was
	// handled from there on is handled again. It is of no key.
	Rewound Kind = "rewound"
)

// Whole reports whether an entry of the kind carries the event.
func (k Kind) Whole() bool { return k == Dead || k == Waiting }

// handlers reports whether processes that run the handler write entries of the kind while they
// handle events.
func (k Kind) handlers() bool { return k.Whole() || k == Failed || k == Handled }

// Known reports whether the kind is one of the above.
func (k Kind) Known() bool {
	switch k {
	case Dead, Waiting, Redrive, Failed, Handled, Discarded, Rewound:
		return true
	}
	return false
}

// Entry is one entry of the log.
type Entry struct {
	subscription.LetterID

	Kind     Kind
	At       time.Time // when it was written
	Attempts int       // of the handler, so far
	First    time.Time // of the first attempt
	Last     time.Time // of the last attempt
	Note     string    // the handler's error, or why somebody asked

	// The event, byte for byte as the store has it. The traces of a letter have its key alone,
	// which is the aggregate's id.
	Key       []byte
	Value     []byte
	Headers   []subscription.Header
	Timestamp time.Time

	PartitionKey string // of the event; empty if it is the aggregate's id

	// Order is the one in which the handler's process that wrote the entry hands out events. In an
	// entry of somebody else it is the one that the letters had when they were asked.
	Order subscription.Order

	Position int64 // the entry's own place in the log
}

// Keys returns the keys of the event.
func (e *Entry) Keys() Key {
	stream := string(e.Key)
	return Key{Stream: stream, Partition: cmp.Or(e.PartitionKey, stream)}
}

// scope returns the events that the entry tells something of beside its own: those of its key in
// its order.
func (e *Entry) scope() scope { return scope{e.Order, e.Keys().In(e.Order)} }

// SchemaID returns the id of the schema that the value says it was written with, in Confluent's
// wire format, or 0.
func (e *Entry) SchemaID() int {
	if len(e.Value) < 5 || e.Value[0] != 0 {
		return 0
	}
	return int(binary.BigEndian.Uint32(e.Value[1:5]))
}

// trace returns what the entry tells of its letter.
func (e *Entry) trace() subscription.Trace {
	return subscription.Trace{At: e.At, What: string(e.Kind), Note: e.Note, Attempts: e.Attempts}
}
