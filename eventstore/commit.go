package eventstore

import (
	"math"
	"slices"
)

// Commit is what one [Store.Append] stores: all of its records, or none.
//
// [To] and [Expectation.Commit] make a commit of one stream. For now a commit writes to one stream
// at most, and has at most one expectation, of that stream.
type Commit struct {
	// CommandID is the id of the command that made the commit: at most [MaxIDBytes] bytes of UTF-8.
	// It is empty if no command made the commit. A stream holds at most one commit of a command id.
	CommandID string

	// Digest stands for the content of that command. It tells a repeated command from another
	// command with the same id. It has at most [MaxDigestBytes] bytes of UTF-8. It is empty if it
	// is not known, or if there is no command.
	Digest string

	// Expect says at which version streams must stand for the commit to be stored. A stream has at
	// most one expectation. A stream without one may stand anywhere.
	Expect []Expectation

	// Records are the events, in order. Each names its stream by Category and AggregateID, and has
	// an ID, Type, Revision, Timestamp and Value. AggregateVersion, Position and Commit are zero:
	// the store sets them. CommandID and CommandDigest may be empty: the store sets them from the
	// commit.
	//
	// A commit without records is a check: see [Store.Append].
	Records []Record

	// Unconfirmed lets the store answer a check by what this process knows, as soon as that is
	// stored. Such an answer may rest on a state that is over. Another process may have become the
	// owner of the partition, and this process may not have noticed yet.
	Unconfirmed bool
}

// Expectation is a stream and the version at which it must stand.
type Expectation struct {
	Stream  Stream
	Version Expected

	// Tip is what the store noted when it read the stream; see [Store.ReadQueued]. No other code
	// looks into it.
	Tip any
}

// Commit returns the commit that adds records to the stream if the expectation holds. It names the
// stream in each record. The commit is of the command that the first record names. Without records
// it is a check of the expectation.
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

// To returns the commit that adds records to a stream if the stream stands at the expected version.
// See [Expectation.Commit].
func To(stream Stream, expected Expected, records ...Record) Commit {
	return Expectation{Stream: stream, Version: expected}.Commit(records...)
}

// Stream returns the stream that the commit writes to. If the commit is a check, that is the stream
// that it checks.
func (c Commit) Stream() Stream {
	switch {
	case len(c.Records) > 0:
		return Stream{Category: c.Records[0].Category, ID: c.Records[0].AggregateID}
	case len(c.Expect) > 0:
		return c.Expect[0].Stream
	}
	return Stream{}
}

// Expected returns what the commit expects of a stream: [Any] if it says nothing of the stream.
func (c Commit) Expected(stream Stream) Expectation {
	for _, e := range c.Expect {
		if e.Stream == stream {
			return e
		}
	}
	return Expectation{Stream: stream, Version: Any}
}

// Stamped returns the records with the command's id and digest as they are stored: the id in all
// records, the digest in the first one. If there is nothing to set, it returns Records itself. It
// is for implementations of [Store].
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

// Expected says at which version a stream must stand for an append to succeed: [Any], [NoStream],
// or a version such as Expected(3).
type Expected int64

const (
	// Any expects nothing: the append goes to the end of the stream, wherever that is. No
	// arithmetic on versions leads to Any. So the store refuses a wrongly computed version, and
	// never takes it for Any.
	Any Expected = math.MinInt64
	// NoStream expects that nothing was ever appended to the stream.
	NoStream Expected = 0
)

// Met reports whether a stream at version actual is as expected.
func (e Expected) Met(actual int64) bool { return e == Any || int64(e) == actual }

// SameCommand reports whether two commits with one command id may be of one command, by their
// digests. They may be if one of the digests is not known.
func SameCommand(digest, other string) bool { return digest == "" || other == "" || digest == other }
