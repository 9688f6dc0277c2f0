package eventstoretest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
)

// severalMistake makes a bad commit of a good one over several streams.
type severalMistake struct {
	name string
	make func(*eventstore.Commit)
}

// severalMistakes returns one or more for each rule of [eventstore.Check] about several streams.
// The good commit writes to two streams in turn, and has expectations of both and of a third one.
func severalMistakes(l, other ledger) []severalMistake {
	elsewhere := other.stream("a")
	return []severalMistake{
		{"a record of another partition key", func(c *eventstore.Commit) { inStream(&c.Records[2], elsewhere) }},
		{"a first record of another partition key", func(c *eventstore.Commit) { inStream(&c.Records[0], elsewhere) }},
		{"a partition key that begins with the other", func(c *eventstore.Commit) {
			c.Records[1].AggregateID = l.key + "x/b"
		}},
		{"a partition key that the other begins with", func(c *eventstore.Commit) {
			c.Records[1].AggregateID = l.key[:len(l.key)-1]
		}},
		{"a record of another category", func(c *eventstore.Commit) { c.Records[1].Category = "Account" }},
		{"a record of no stream", func(c *eventstore.Commit) { c.Records[3].AggregateID = "" }},
		{"a record whose id begins with a slash", func(c *eventstore.Commit) { c.Records[3].AggregateID = "/b" }},
		{"records whose ids begin with a slash", func(c *eventstore.Commit) {
			c.Expect = nil
			for i := range c.Records {
				c.Records[i].AggregateID = "/" + c.Records[i].AggregateID
			}
		}},
		{"an expectation of another partition key", func(c *eventstore.Commit) { c.Expect[2].Stream = elsewhere }},
		{"an expectation of another category", func(c *eventstore.Commit) { c.Expect[2].Stream.Category = "Account" }},
		{"an expectation whose id begins with a slash", func(c *eventstore.Commit) { c.Expect[2].Stream.ID = "/c" }},
		{"a stream expected twice", func(c *eventstore.Commit) { c.Expect[2] = c.Expect[0] }},
		{"a stream expected twice, at two versions", func(c *eventstore.Commit) {
			c.Expect[2] = c.Expect[1]
			c.Expect[2].Version++
		}},
		{"Any for a stream that is not written", func(c *eventstore.Commit) { c.Expect[2].Version = eventstore.Any }},
		{"a version below that of no stream", func(c *eventstore.Commit) {
			c.Expect[2].Version = eventstore.NoStream - 1
		}},
		{"too many expectations", func(c *eventstore.Commit) {
			for i := range eventstore.MaxCommitRecords - 2 {
				c.Expect = append(c.Expect, eventstore.Expectation{Stream: l.stream(fmt.Sprint("none ", i))})
			}
		}},
		{"too many expectations of commands", func(c *eventstore.Commit) {
			for i := range eventstore.MaxCommitRecords + 1 {
				c.ExpectCommands = append(c.ExpectCommands, eventstore.CommandExpectation{CommandID: fmt.Sprint(i)})
			}
		}},
		{"an expectation of no command", func(c *eventstore.Commit) {
			c.ExpectCommands = []eventstore.CommandExpectation{{}}
		}},
		{"an expected command id that is too long", func(c *eventstore.Commit) {
			c.ExpectCommands = []eventstore.CommandExpectation{{CommandID: longID()}}
		}},
		{"an expected command id that is not UTF-8", func(c *eventstore.Commit) {
			c.ExpectCommands = []eventstore.CommandExpectation{{CommandID: noText}}
		}},
		{"a digest on a later record", func(c *eventstore.Commit) {
			c.CommandID, c.Digest, c.Records[1].CommandDigest = "c", "d", "d"
		}},
		{"two command ids", func(c *eventstore.Commit) { c.CommandID, c.Records[1].CommandID = "c-1", "c-2" }},
		{"a check of two partition keys", func(c *eventstore.Commit) {
			c.Records = nil
			c.Expect[0].Stream = elsewhere
		}},
		{"a check of a command alone", func(c *eventstore.Commit) {
			c.Records, c.Expect = nil, nil
			c.ExpectCommands = []eventstore.CommandExpectation{{CommandID: "c"}}
		}},
	}
}

// badCommitsRefused makes each mistake on streams with a history.
func badCommitsRefused(t test, s *suite) {
	ctx, l, other := s.context(t), s.ledger(), s.ledger()
	streams := l.streams("a", "b", "c")
	_, want := s.commit(ctx, t, s.over(4, streams[:2]...))
	_, others := s.commit(ctx, t, s.over(2, other.streams("a", "b")...))
	for _, bad := range severalMistakes(l, other) {
		c := expecting(s.over(4, streams[:2]...), streams, 2, 2, eventstore.NoStream)
		bad.make(&c)
		_, err := s.store.Append(ctx, c)
		if !errors.Is(err, eventstore.ErrInvalid) {
			fatal(t, bad.name+": an append does not fail with an *InvalidError", "found", err)
		}
		got, want := invalidFields(err), invalidFields(eventstore.Check(c, eventstore.BeforeSlash))
		if !slices.Equal(got, want) {
			fatal(t, bad.name+": an append does not report what Check finds", "found", got, "expected", want)
		}
	}
	s.holds(ctx, t, "after bad commits", l, want)
	s.holds(ctx, t, "another partition key after bad commits", other, others)
	s.badReadsRefused(t, l, other)

	// Where the whole id is the partition key, no commit is over two streams.
	one := s.stream(0)
	two := one
	two.ID += "/a"
	for what, c := range map[string]eventstore.Commit{
		"a commit": s.over(2, one, two), "a check": expecting(eventstore.Commit{}, []eventstore.Stream{one, two}, 0, 0),
	} {
		_, err := s.store.Append(ctx, c)
		if !errors.Is(err, eventstore.ErrInvalid) {
			fatal(t, what+" over streams of two partition keys does not fail with an *InvalidError", "found", err)
		}
	}
	for _, stream := range []eventstore.Stream{one, two} {
		same(t, "a stream after a bad commit", s.load(ctx, t, stream), nil)
	}
}

// badReadsRefused reads streams together that no commit could be over.
func (s *suite) badReadsRefused(t test, l, other ledger) {
	ctx := s.context(t)
	read := func(stream eventstore.Stream) eventstore.Expectation {
		_, at := s.store.ReadQueued(ctx, stream.At(0))
		return at
	}
	a, b := l.stream("a"), l.stream("b")
	atA := read(a)
	noTip := atA
	noTip.Tip = nil
	anyA := atA
	anyA.Version, anyA.Tip = eventstore.Any, nil
	for what, with := range map[string][]eventstore.Expectation{
		"another partition key": {read(other.stream("a"))},
		"another category":      {read(s.stream(0))},
		"a stream twice":        {atA, atA},
		"any version":           {anyA},
		"no tip":                {noTip},
	} {
		all, at := s.store.ReadQueued(ctx, b.At(0), with...)
		records, err := collect(all)
		_, appended := s.store.Append(ctx, checkOf(at))
		if len(records) > 0 || !errors.Is(err, eventstore.ErrInvalid) || appended == nil {
			fatal(t, "reading a stream together with "+what+" does not fail with an *InvalidError", err, appended)
		}
	}
	moved, later, foreign := atA, atA, atA
	moved.Stream, later.Version, foreign.Tip = b, atA.Version+1, struct{}{}
	for what, after := range map[string]eventstore.Expectation{
		"another stream's tip": moved, "another version's tip": later, "no store's tip": foreign,
	} {
		all, at := s.store.ReadQueued(ctx, after)
		records, err := collect(all)
		_, appended := s.store.Append(ctx, checkOf(at))
		if len(records) > 0 || !errors.Is(err, eventstore.ErrInvalid) || appended == nil {
			fatal(t, "reading on from "+what+" does not fail with an *InvalidError", err, appended)
		}
	}
	for what, with := range map[string][]eventstore.Expectation{
		"another partition key": {read(other.stream("a"))},
		"a stream twice":        {atA, atA},
		"no tip":                {noTip},
	} {
		if _, err := s.store.Applied(ctx, b, "c", with...); !errors.Is(err, eventstore.ErrInvalid) {
			fatal(t, "asking for a command together with "+what+" does not fail with an *InvalidError", err)
		}
	}
	for _, bad := range []eventstore.Stream{{Category: l.category, ID: "/a"}, {Category: l.category}, {ID: "a"}} {
		_, queued := collect(firstOf(s.store.ReadQueued(ctx, bad.At(0))))
		_, read := collect(s.store.ReadStream(ctx, bad, 1))
		_, applied := s.store.Applied(ctx, bad, "c")
		for what, err := range map[string]error{"ReadQueued": queued, "ReadStream": read, "Applied": applied} {
			if !errors.Is(err, eventstore.ErrInvalid) {
				fatal(t, what+" of a stream whose name is invalid does not fail with an *InvalidError", bad, err)
			}
		}
	}
	for _, command := range []string{"", "\xff", strings.Repeat("c", eventstore.MaxIDBytes+1)} {
		if _, err := s.store.Applied(ctx, a, command); !errors.Is(err, eventstore.ErrInvalid) {
			fatal(t, "asking for a command whose id is invalid does not fail with an *InvalidError", command, err)
		}
	}
}

// firstOf returns the records of ReadQueued.
func firstOf(all read, _ eventstore.Expectation) read { return all }
