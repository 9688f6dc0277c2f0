package line

import (
	"maps"
	"slices"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// Commit is one commit on its way. Its caller makes it, enters it and awaits it. The owner takes it
// and answers it. If the comment of a method names no other caller, the method is the owner's, once
// it has taken the commit.
type Commit struct {
	// Sent is the owner's: it has put the commit into a batch, which may be stored.
	Sent bool

	stream   eventstore.Stream
	expected eventstore.Expected
	records  []eventstore.Record
	size     int64

	done   chan struct{} // closed once result and err are set
	result eventstore.Result
	err    error

	// The queue's.
	state      commitState
	place      place
	tip        bool    // it came by Behind
	on         *Commit // of the line, that it rests on; nil if that is stored, and once it is answered
	shown      bool    // it has been in a line: others may read its records
	stored     bool    // it was stored where the line had it
	broken     bool    // it has left the line, and nothing may rest on it
	prev, next *Commit // among those that wait
}

type commitState uint8

const (
	commitWaiting  commitState = iota
	commitTaken                // the owner works on it: its outcome is the owner's to tell
	commitAnswered             // or withdrawn
)

// New returns a commit that is to be stored if the stream is as expected when it is written. The
// records remain the caller's until the commit enters. There must be at least one.
func New(stream eventstore.Stream, expected eventstore.Expected, records []eventstore.Record) *Commit {
	c := &Commit{stream: stream, expected: expected, records: records, done: make(chan struct{})}
	for i := range records {
		// Size counts neither the key nor the category, which a record has, too: a batch of many
		// small records must fit its topic.
		c.size += int64(eventstore.Size(records[i]) + len(stream.ID) + len(stream.Category))
	}
	return c
}

// Behind returns a commit that is to be stored right behind a tip. The tip is the last commit that
// was shown, or the stored end of the stream if last is nil. The tip has the version.
func Behind(last *Commit, stream eventstore.Stream, version int64, records []eventstore.Record) *Commit {
	c := New(stream, eventstore.Expected(version), records)
	c.tip, c.on = true, last
	return c
}

// own copies what the caller may change after it has left. The commit must have room: those who
// wait for room have no copies. own makes no event later than now: one fast clock must not move the
// time of all events that follow.
func (c *Commit) own(now time.Time) {
	c.records = slices.Clone(c.records)
	for i := range c.records {
		r := &c.records[i]
		r.Value = slices.Clone(r.Value)
		r.Metadata = maps.Clone(r.Metadata)
		if r.Timestamp.After(now) {
			r.Timestamp = now
		}
		r.Timestamp = r.Timestamp.UTC().Round(0)
	}
	c.notBefore(c.records[0].Timestamp)
}

// notBefore makes no event of the commit earlier than the time, nor than the event before it. The
// times of a partition's events never go back.
func (c *Commit) notBefore(latest time.Time) {
	for i := range c.records {
		r := &c.records[i]
		if r.Timestamp.Before(latest) {
			r.Timestamp = latest
		}
		latest = r.Timestamp
	}
}

// Stream returns the commit's stream. Anybody may call it.
func (c *Commit) Stream() eventstore.Stream { return c.stream }

// Expected returns what the commit expects of its stream. Anybody may call it.
func (c *Commit) Expected() eventstore.Expected { return c.expected }

// Records returns the records, which nobody may change.
func (c *Commit) Records() []eventstore.Record { return c.records }

// CommandID returns the id of the command that made the commit; empty if none did.
func (c *Commit) CommandID() string { return c.records[0].CommandID }

// First returns the version of the commit's first event where it was placed.
func (c *Commit) First() int64 { return c.records[0].AggregateVersion }

// Last returns the version of the stream once the commit is stored where it was placed.
func (c *Commit) Last() int64 { return c.records[len(c.records)-1].AggregateVersion }

// PlaceAt gives the records their versions, from first on.
func (c *Commit) PlaceAt(first int64) {
	if c.records[0].AggregateVersion == first {
		return
	}
	if c.shown {
		c.records = slices.Clone(c.records)
	}
	for i := range c.records {
		r := &c.records[i]
		r.Category, r.AggregateID = c.stream.Category, c.stream.ID
		r.AggregateVersion = first + int64(i)
		r.Commit = eventstore.CommitPart{First: first, Length: len(c.records)}
	}
}

// RestsOnBroken reports whether the commit rests on one that will not be stored in its place. If
// so, it must not be written (Q4).
func (c *Commit) RestsOnBroken() bool { return c.on != nil && c.on.broken }

// Conflict returns the error for a stream that is at another version than the commit expects.
func (c *Commit) Conflict(actual int64) error {
	return &eventstore.ConflictError{Stream: c.stream, Expected: c.expected, Actual: actual}
}

// Done returns the channel that is closed once the commit is answered. Anybody may call it.
func (c *Commit) Done() <-chan struct{} { return c.done }

// Outcome returns the answer. Anybody may call it once Done is closed.
func (c *Commit) Outcome() (eventstore.Result, error) { return c.result, c.err }

// Stored reports whether the commit was stored in its place in the line. Anybody may call it once
// Done is closed.
func (c *Commit) Stored() bool { return c.stored }
