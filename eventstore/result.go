package eventstore

import (
	"time"

	"github.com/fencelog/fencelog/event"
)

// Result is what a commit did.
type Result struct {
	Streams  []Written      // what it wrote, by stream, in the order of the streams' first records; none for a check
	Position event.Position // of its last record
	Time     time.Time      // of its last record as it is stored, UTC; zero where Repeated
	Repeated bool           // the command had been stored before; nothing was appended now
}

// Written is what a commit wrote to one stream.
type Written struct {
	Stream Stream
	First  int64 // version of its first record
	Last   int64 // version of its last record, the stream's new version
}

// First returns the version of the commit's first record in its first stream; 0 if it wrote
// nothing.
func (r Result) First() int64 {
	if len(r.Streams) == 0 {
		return 0
	}
	return r.Streams[0].First
}

// Last returns the new version of the commit's first stream; 0 if it wrote nothing.
func (r Result) Last() int64 {
	if len(r.Streams) == 0 {
		return 0
	}
	return r.Streams[0].Last
}

// Answer is what became of one commit of a list: see [Store.AppendEach].
type Answer struct {
	Result Result // zero if Err is not nil
	Err    error  // nil, or why nothing was appended; or ErrOutcomeUnknown
}

// Outcome is what a command did: the result of its commit, and the events in it. If there was
// nothing to do, it is zero but for the command's id.
type Outcome struct {
	Result

	CommandID string // empty if no command was handled

	// Events are those of the commit, with their headers and positions, as loading returns them. If
	// the command is Repeated, they are those of its first commit.
	Events []event.Stored[any]
}
