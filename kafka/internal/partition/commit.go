package partition

import (
	"maps"
	"slices"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
)

// commit is one call of Append, or of [Tip.Append], on its way.
type commit struct {
	stream   eventstore.Stream
	expected eventstore.Expected
	records  []eventstore.Record
	size     int64
	sent     bool // it was put into a batch; only the owner's goroutine touches this

	done   chan struct{} // closed once result and err are set
	result eventstore.Result
	err    error

	// The queue's.
	state      commitState
	place      place
	tip        bool    // it came by a tip
	on         *commit // of the line, that it rests on; nil if that is stored, and once it is answered
	shown      bool    // it has been in a line: others may read its records
	stored     bool    // it was stored where the line had it
	broken     bool    // it has left the line, and nothing may rest on it
	prev, next *commit // among those that wait
}

type commitState uint8

const (
	commitWaiting  commitState = iota
	commitTaken                // the owner works on it: its outcome is the owner's to tell
	commitAnswered             // or withdrawn
)

// newCommit returns the commit of a caller's records, which are still the caller's.
func newCommit(stream eventstore.Stream, expected eventstore.Expected, records []eventstore.Record) *commit {
	c := &commit{stream: stream, expected: expected, records: records, done: make(chan struct{})}
	for i := range records {
		// Size counts neither the key nor the category, which a record has, too: a batch of many small records must fit its topic.
		c.size += int64(eventstore.Size(records[i]) + len(stream.ID) + len(stream.Category))
	}
	return c
}

// own copies what the caller may change after leaving. There must be room for it: those who wait for room have no copies.
// No event is later than now: one fast clock must not hold up the time of all that follow.
func (c *commit) own(now time.Time) {
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

// notBefore makes no event of the commit earlier than the time, nor than the event before it: the times of a
// partition's events never go back.
func (c *commit) notBefore(latest time.Time) {
	for i := range c.records {
		r := &c.records[i]
		if r.Timestamp.Before(latest) {
			r.Timestamp = latest
		}
		latest = r.Timestamp
	}
}

func (c *commit) commandID() string { return c.records[0].CommandID }

// last returns the version of the stream once the commit is stored where it was placed.
func (c *commit) last() int64 { return c.records[len(c.records)-1].AggregateVersion }

// placeAt gives the records their versions, from first on.
func (c *commit) placeAt(first int64) {
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

// repeating returns what the commit's caller is told where its stream holds a commit of its command id, with the result and the digest
// given. It is a *CommandReusedError if that was another command.
func (c *commit) repeating(first eventstore.Result, digest string) (eventstore.Result, error) {
	if given := c.records[0].CommandDigest; !eventstore.SameCommand(digest, given) {
		return eventstore.Result{}, &eventstore.CommandReusedError{
			Stream: c.stream, CommandID: c.commandID(), Stored: digest, Given: given,
		}
	}
	first.Repeated, first.Time = true, time.Time{}
	return first, nil
}

// resultIn returns the commit's result if the index holds it, by the id of its last event.
func (c *commit) resultIn(idx *index.Partition) (r eventstore.Result, found bool, err error) {
	if !c.sent {
		return r, false, nil
	}
	last := &c.records[len(c.records)-1]
	stored, ok, err := idx.At(c.stream.ID, last.AggregateVersion)
	if err != nil || !ok || stored.ID != last.ID {
		return r, false, err
	}
	return eventstore.Result{
		First: c.records[0].AggregateVersion, Last: last.AggregateVersion, Position: stored.Position, Time: stored.Timestamp,
	}, true, nil
}
