package event

import (
	"fmt"
	"time"
)

// Header is all that is known of an event beside its own fields.
//
// The stores keep it with the event. On Kafka it becomes record headers with names in camel case,
// such as "eventId". There Category is "aggregateType", and Revision is "eventVersion".
type Header struct {
	ID          string // unique; a UUID where this module makes it
	Type        string // durable name of the event type, such as "AccountCreated"
	Revision    int    // schema revision of the type, from 1
	Category    string // durable name for aggregates of one kind, such as "Account"
	AggregateID string

	// AggregateVersion is the version of the stream once this event is in it: 1 for the first
	// event, without gaps.
	AggregateVersion int64

	Timestamp     time.Time // when it happened, UTC
	CorrelationID string    // shared by everything that one request set off
	CausationID   string    // id of the command or event that led to this one
	CommandID     string    // id of the command that made it; empty if none did
	ActorID       string    // on whose behalf; empty if unknown

	// CommandCausationID is the id of the command or event whose handler dispatched that command.
	// It is empty if none did, as for a request from outside.
	CommandCausationID string

	// CommandDigest stands for the content of the command. It tells a repetition from another
	// command with the same id. Only the first event of a commit has it. It is empty if it is not
	// known.
	CommandDigest string

	// TraceParent is the W3C trace context of the span that made the event; empty if there was
	// none.
	TraceParent string

	// Metadata is the application's own; keys and values are text. Read only.
	Metadata map[string]string
}

// Position is where an event stands in its category. A later event of the same partition has a
// greater offset, but offsets may have gaps. Positions of different partitions do not compare.
type Position struct {
	Partition int32
	Offset    int64
}

// String returns the position as "partition:offset".
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Partition, p.Offset) }

// Envelope is an event of type E with its header and the place where it is stored. A [Bus] hands it
// to its handlers.
type Envelope[E any] struct {
	Header
	Position Position
	Event    E
}

// Stored is one stored event, in today's terms, as readers of a store get it.
type Stored[E any] struct {
	Header   // of the event as it was stored
	Position Position

	// Events are one event, or several if an event of an earlier revision was upcast into them.
	// There is never none. They have one version and one place. So a reader that remembers how far
	// it came has handled all of them, or none.
	Events []E
}
