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

	expect   []eventstore.Expectation
	commands []eventstore.CommandExpectation
	tips     []Tip
	records  []eventstore.Record
	parts    []Part
	copied   bool  // records are a copy already
	of       []int // by record: the place of its part; nil if there is one part
	size     int64

	done   chan struct{} // closed once result and err are set
	result eventstore.Result
	err    error

	// The queue's.
	state      commitState
	place      place
	on         []*Commit // of the lines, that it rests on; without those that are stored
	behind     []*Commit // those that rest on it
	hash       uint64    // of its command
	alike      *Commit   // another queued commit with that hash
	shown      bool      // it has been in a line: others may read its records
	stored     bool      // it was stored where the lines had it
	broken     bool      // it has left the lines, and nothing may rest on it
	prev, next *Commit   // among those that wait

	// Most commits need no more room than this.
	onePart   [1]Part
	oneTip    [1]Tip
	oneExpect [1]eventstore.Expectation
	oneOn     [1]*Commit
}

// Part is what a commit writes to one stream.
type Part struct {
	ID    string // of the stream's aggregate
	First int64  // version of its first record where it was placed
	Count int    // of its records
}

// Last returns the version of the part's last record.
func (p Part) Last() int64 { return p.First + int64(p.Count) - 1 }

// Tip is the end of a stream as it was shown.
type Tip struct {
	ID      string // of the stream's aggregate
	Version int64
	Last    *Commit // of the stream's line; nil if all was stored
}

type commitState uint8

const (
	commitWaiting  commitState = iota
	commitTaken                // the owner works on it: its outcome is the owner's to tell
	commitAnswered             // or withdrawn
)

// New returns a commit that is to be stored if everything is as it expects when it is written. The
// tips are those of its expectations that have one. The caller must not change c until the commit
// has entered. There must be at least one record.
func New(c eventstore.Commit, tips ...Tip) *Commit {
	n := &Commit{
		expect: c.Expect, commands: c.ExpectCommands, records: c.Stamped(), done: make(chan struct{}),
	}
	n.copied = &n.records[0] != &c.Records[0]
	n.tips = append(n.oneTip[:0], tips...)
	n.divide()
	for i := range n.records {
		// Size counts neither the key nor the category, which a record has, too: a batch of many
		// small records must fit its topic.
		r := &n.records[i]
		n.size += int64(eventstore.Size(*r) + len(r.AggregateID) + len(r.Category))
	}
	for i := 1; i < len(c.Expect); i++ { // one is usual
		n.size += int64(expectationBytes + len(c.Expect[i].Stream.ID))
	}
	for i := range c.ExpectCommands {
		n.size += int64(expectationBytes + len(c.ExpectCommands[i].CommandID))
	}
	return n
}

// expectationBytes is about what an expectation holds in memory beside its ids.
const expectationBytes = 128

// divide finds the parts of the commit.
func (c *Commit) divide() {
	first := c.records[0].AggregateID
	c.onePart[0] = Part{ID: first}
	c.parts = c.onePart[:]
	for i := 1; i < len(c.records); i++ {
		if c.records[i].AggregateID != first {
			c.divideAmongStreams()
			return
		}
	}
	c.parts[0].Count = len(c.records)
}

func (c *Commit) divideAmongStreams() {
	places := make(map[string]int)
	c.parts, c.of = nil, make([]int, len(c.records))
	for i := range c.records {
		id := c.records[i].AggregateID
		place, known := places[id]
		if !known {
			place = len(c.parts)
			places[id] = place
			c.parts = append(c.parts, Part{ID: id})
		}
		c.parts[place].Count++
		c.of[i] = place
	}
}

// own copies what the caller may change after it has left. The commit must have room: those who
// wait for room have no copies. own makes no event later than now: one fast clock must not move the
// time of all events that follow.
func (c *Commit) own(now time.Time) {
	c.expect = append(c.oneExpect[:0], c.expect...)
	for i := range c.expect {
		c.expect[i].Tip = nil // the queue has its own
	}
	c.commands = slices.Clone(c.commands)
	if !c.copied {
		c.records = slices.Clone(c.records)
	}
	for i := range c.records {
		r := &c.records[i]
		r.Value = slices.Clone(r.Value)
		r.Metadata = maps.Clone(r.Metadata)
		if r.Timestamp.After(now) {
			r.Timestamp = now
		}
		r.Timestamp = r.Timestamp.UTC().Round(0)
		r.Commit = eventstore.CommitPart{Index: i + 1, Size: len(c.records), Several: len(c.parts) > 1}
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

// Expect returns what the commit expects of streams. Anybody may call it.
func (c *Commit) Expect() []eventstore.Expectation { return c.expect }

// ExpectCommands returns what the commit expects of commands. Anybody may call it.
func (c *Commit) ExpectCommands() []eventstore.CommandExpectation { return c.commands }

// Parts returns what the commit writes, by stream, in the order of the streams' first records.
// Nobody may change it. Anybody may call it for the ids.
func (c *Commit) Parts() []Part { return c.parts }

// Records returns the records, which nobody may change.
func (c *Commit) Records() []eventstore.Record { return c.records }

// Category returns the category of the commit's streams. Anybody may call it.
func (c *Commit) Category() string { return c.records[0].Category }

// CommandID returns the id of the command that made the commit; empty if none did. Anybody may call
// it.
func (c *Commit) CommandID() string { return c.records[0].CommandID }

// Digest returns the digest of that command. Anybody may call it.
func (c *Commit) Digest() string { return c.records[0].CommandDigest }

// Repeats returns nil if the commit is the same as the one that its command made before; see
// [eventstore.Commit.Repeats].
func (c *Commit) Repeats(first eventstore.Result, digest string) error {
	again := eventstore.Commit{CommandID: c.CommandID(), Digest: c.Digest(), Records: c.records}
	return again.Repeats(first, digest)
}

// Place gives the records their versions. before returns the version of the stream of a part before
// the commit.
func (c *Commit) Place(before func(part int) int64) {
	moved := false
	for i := range c.parts {
		if first := before(i) + 1; c.parts[i].First != first {
			c.parts[i].First, moved = first, true
		}
	}
	if !moved {
		return
	}
	if c.shown {
		c.records = slices.Clone(c.records)
	}
	if c.of == nil {
		for i := range c.records {
			c.records[i].AggregateVersion = c.parts[0].First + int64(i)
		}
		return
	}
	next := make([]int64, len(c.parts))
	for i, part := range c.of {
		c.records[i].AggregateVersion = c.parts[part].First + next[part]
		next[part]++
	}
}

// Part returns the part of a stream that the commit writes to. Anybody may call it once the commit
// was shown.
func (c *Commit) Part(id string) Part {
	return c.parts[slices.IndexFunc(c.parts, func(p Part) bool { return p.ID == id })]
}

// recordsOf returns the records of one stream, which nobody may change.
func (c *Commit) recordsOf(id string) []eventstore.Record {
	if c.of == nil {
		return c.records
	}
	records := make([]eventstore.Record, 0, c.Part(id).Count)
	for i := range c.records {
		if c.records[i].AggregateID == id {
			records = append(records, c.records[i])
		}
	}
	return records
}

// Writes reports whether the commit writes to the stream of the aggregate.
func (c *Commit) Writes(id string) bool {
	return slices.ContainsFunc(c.parts, func(p Part) bool { return p.ID == id })
}

// RestsOnBroken reports whether the commit rests on one that will not be stored in its place. If
// so, it must not be written (Q4).
func (c *Commit) RestsOnBroken() bool {
	return slices.ContainsFunc(c.on, func(d *Commit) bool { return d.broken })
}

// BrokenTip returns the stream of a tip that rests on a broken commit, as the commit expects it.
// There is one if RestsOnBroken reports true.
func (c *Commit) BrokenTip() eventstore.Expectation {
	for _, t := range c.tips {
		if t.Last != nil && t.Last.broken {
			return c.expectationOf(t.ID)
		}
	}
	return eventstore.Expectation{}
}

func (c *Commit) expectationOf(id string) eventstore.Expectation {
	return c.expect[slices.IndexFunc(c.expect, func(e eventstore.Expectation) bool { return e.Stream.ID == id })]
}

// Done returns the channel that is closed once the commit is answered. Anybody may call it.
func (c *Commit) Done() <-chan struct{} { return c.done }

// Outcome returns the answer. Anybody may call it once Done is closed.
func (c *Commit) Outcome() (eventstore.Result, error) { return c.result, c.err }

// Stored reports whether the commit was stored in its place in the lines. Anybody may call it once
// Done is closed.
func (c *Commit) Stored() bool { return c.stored }
