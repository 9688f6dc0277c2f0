package eventstore

import (
	"math"
	"slices"
)

// Commit is what one [Store.Append] stores: all of its records, or none.
//
// [To] and [Expectation.Commit] make a commit of one stream, and [Join] makes one commit out of
// several. All streams of a commit have one category and one [PartitionKey].
type Commit struct {
	// CommandID is the id of the command that made the commit: at most [MaxIDBytes] bytes of UTF-8.
	// It is empty if no command made the commit. A partition key holds at most one commit of a
	// command id.
	CommandID string

	// Digest stands for the content of that command. It tells a repeated command from another
	// command with the same id. It has at most [MaxDigestBytes] bytes of UTF-8. It is empty if it
	// is not known, or if there is no command.
	Digest string

	// Expect says at which version streams must stand for the commit to be stored, also streams
	// that it does not write to. A stream has at most one expectation. A stream without one may
	// stand anywhere. There are at most [MaxCommitRecords].
	Expect []Expectation

	// ExpectCommands says which commands must be applied, or must not be, for the commit to be
	// stored. There are at most [MaxCommitRecords]. A commit that expects its own command to be
	// applied stores nothing: it returns the result of the command's first commit, or fails.
	ExpectCommands []CommandExpectation

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

// CommandExpectation is a command id and whether it must be applied: whether the partition key of
// the commit's streams must hold a commit of it.
type CommandExpectation struct {
	CommandID string
	Applied   bool
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

// Join returns the commit that stores what all the commits store, if all their expectations hold. A
// commit without records adds its expectation:
//
//	transfer := eventstore.Join(
//		eventstore.To(alice, 7, debited), eventstore.To(bob, 3, credited), eventstore.To(freeze, 1))
//
// The command is that of the first commit that has one. If all the commits are checks, so is the
// result; it is Unconfirmed if all of them are.
func Join(commits ...Commit) Commit {
	all := Commit{Unconfirmed: len(commits) > 0}
	expect, records := 0, 0
	for i := range commits {
		expect, records = expect+len(commits[i].Expect), records+len(commits[i].Records)
	}
	all.Expect, all.Records = slices.Grow(all.Expect, expect), slices.Grow(all.Records, records)
	for i := range commits {
		c := &commits[i]
		if all.CommandID == "" {
			all.CommandID, all.Digest = c.CommandID, c.Digest
		}
		all.Expect = append(all.Expect, c.Expect...)
		all.ExpectCommands = append(all.ExpectCommands, c.ExpectCommands...)
		first := len(all.Records)
		all.Records = append(all.Records, c.Records...)
		if first > 0 && len(c.Records) > 0 {
			all.Records[first].CommandDigest = "" // only the first record of all has it
		}
		all.Unconfirmed = all.Unconfirmed && c.Unconfirmed
	}
	return all
}

// Stream returns the stream of the commit's first record. If the commit is a check, that is the
// stream of its first expectation.
func (c Commit) Stream() Stream {
	switch {
	case len(c.Records) > 0:
		return c.Records[0].Stream()
	case len(c.Expect) > 0:
		return c.Expect[0].Stream
	}
	return Stream{}
}

// Streams returns the streams that the commit writes to, in the order of their first records.
func (c Commit) Streams() []Stream {
	var written streamSet
	for i := range c.Records {
		written.add(c.Records[i].Stream())
	}
	return written.all()
}

// ExpectationOf returns what the commit expects of a stream: [Any] if it says nothing of the
// stream.
func (c Commit) ExpectationOf(stream Stream) Expectation {
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

// Repeats returns nil if the commit is the same as the one that its command made before. first and
// digest are the result and the digest of that one. The commits are the same if
//   - the digests are equal, or one of them is not known;
//   - both write to the same streams, in any order, or this commit is a check.
//
// Otherwise Repeats returns a *[CommandReusedError]. It is for implementations of [Store].
func (c Commit) Repeats(first Result, digest string) error {
	if SameCommand(digest, c.Digest) && (len(c.Records) == 0 || sameStreams(c.Streams(), first.Streams)) {
		return nil
	}
	reused := &CommandReusedError{Stream: c.Stream(), CommandID: c.CommandID, Stored: digest, Given: c.Digest}
	for _, w := range first.Streams {
		reused.Wrote = append(reused.Wrote, w.Stream)
	}
	return reused
}

// sameStreams reports whether the streams are those that were written, in any order.
func sameStreams(streams []Stream, written []Written) bool {
	if len(streams) != len(written) {
		return false
	}
	if len(streams) == 1 {
		return streams[0] == written[0].Stream
	}
	names := make(map[Stream]bool, len(streams))
	for _, s := range streams {
		names[s] = true
	}
	for _, w := range written {
		if !names[w.Stream] {
			return false
		}
	}
	return true
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
