package eventstore

import (
	"math"
	"slices"
)

// Commit is what one [Store.Append] stores: all of its records, or none.
//
// [To] and [Expectation.Commit] make one for a single stream. For now a commit writes to one stream at most, and has at
// most one expectation, of that stream.
type Commit struct {
	// CommandID is the id of the command that the commit is of. At most [MaxIDBytes] bytes of UTF-8; empty if no command
	// made it. A stream holds one commit of a command id at most.
	CommandID string

	// Digest is what the content of that command comes to, by which a repetition is told from another command with the
	// same id. At most [MaxDigestBytes] bytes of UTF-8; empty if it is not known, or there is no command.
	Digest string

	// Expect says at which version streams must stand for the commit to be stored; one expectation a stream at most. A
	// stream without one may stand anywhere.
	Expect []Expectation

	// Records are the events, in order. Each names its stream by Category and AggregateID, and has an ID, Type, Revision,
	// Timestamp and Value. AggregateVersion, Position and Commit are zero: the store sets them. CommandID and
	// CommandDigest may be left empty, too; the store sets them from the commit.
	//
	// A commit without records is a check: see [Store.Append].
	Records []Record

	// Unconfirmed lets a check be answered by what this process knows, as soon as that is stored. The answer may rest on
	// a state that is over: another process may have become the owner of the partition, and this one has not noticed.
	Unconfirmed bool
}

// Expectation is a stream, and the version at which it must stand.
type Expectation struct {
	Stream  Stream
	Version Expected

	// Tip is what the store noted when it read the stream; see [Store.ReadQueued]. No other code looks into it.
	Tip any
}

// Commit returns the commit that is stored if the expectation holds, of records that are all of its stream. The
// command is the one that the first record names. Without records it is a check of the expectation.
func (e Expectation) Commit(records ...Record) Commit {
	c := Commit{Expect: []Expectation{e}}
	if len(records) == 0 {
		return c
	}
	c.CommandID, c.Digest = records[0].CommandID, records[0].CommandDigest
	c.Records = slices.Clone(records)
	for i := range c.Records {
		c.Records[i].Category, c.Records[i].AggregateID = e.Stream.Category, e.Stream.ID
	}
	return c
}

// To returns the commit that adds records to a stream if that stands at the expected version. See [Expectation.Commit].
func To(stream Stream, expected Expected, records ...Record) Commit {
	return Expectation{Stream: stream, Version: expected}.Commit(records...)
}

// Stream returns the stream that the commit writes to, or checks if it has no records.
func (c Commit) Stream() Stream {
	switch {
	case len(c.Records) > 0:
		return Stream{Category: c.Records[0].Category, ID: c.Records[0].AggregateID}
	case len(c.Expect) > 0:
		return c.Expect[0].Stream
	}
	return Stream{}
}

// Expected returns what the commit expects of the stream: [Any] if it says nothing of it.
func (c Commit) Expected(stream Stream) Expectation {
	for _, e := range c.Expect {
		if e.Stream == stream {
			return e
		}
	}
	return Expectation{Stream: stream, Version: Any}
}

// Stamped returns the records with the command's id and digest as they are stored: the id in all, the digest in the
// first one. It is for implementations of [Store]. It returns Records itself if there is nothing to set.
func (c Commit) Stamped() []Record {
	done := true
	for i := range c.Records {
		r := &c.Records[i]
		done = done && r.CommandID == c.CommandID && (i > 0 || r.CommandDigest == c.Digest)
	}
	if done {
		return c.Records
	}
	records := slices.Clone(c.Records)
	for i := range records {
		records[i].CommandID = c.CommandID
	}
	records[0].CommandDigest = c.Digest
	return records
}

// Expected says at which version a stream must stand for an append to succeed:
// [Any], [NoStream], or a version, as in Expected(3).
type Expected int64

const (
	// Any expects nothing: the append goes to wherever the stream's end is. No arithmetic on versions
	// leads to it. So a version that was computed wrongly is refused and never taken for it.
	Any Expected = math.MinInt64
	// NoStream expects that nothing was ever appended to the stream.
	NoStream Expected = 0
)

// Met reports whether a stream at version actual is as expected.
func (e Expected) Met(actual int64) bool { return e == Any || int64(e) == actual }

// SameCommand reports whether two commits of one command id may be of one command, by their digests. They may if one
// digest is not known.
func SameCommand(digest, other string) bool { return digest == "" || other == "" || digest == other }
