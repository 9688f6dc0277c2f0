package eventstoretest

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// attempt is what an append is given.
type attempt struct {
	stream   eventstore.Stream
	expected eventstore.Expected
	records  []eventstore.Record

	change func(*eventstore.Commit) // makes another commit of the attempt's; may be nil
}

func (a attempt) commit() eventstore.Commit {
	c := eventstore.To(a.stream, a.expected, a.records...)
	if a.change != nil {
		a.change(&c)
	}
	return c
}

// mistake makes a good attempt a bad one.
type mistake struct {
	name string
	make func(*attempt)
}

// mistakes returns one or more for each rule of [eventstore.Check].
func mistakes() []mistake { return slices.Concat(commitMistakes(), recordMistakes()) }

// longID returns a text that is too long for an id.
func longID() string { return strings.Repeat("x", eventstore.MaxIDBytes+1) }

// longName returns a text that is too long for a name.
func longName() string { return strings.Repeat("x", eventstore.MaxTypeBytes+1) }

// noText is not UTF-8.
const noText = "broken \xff"

// commitMistakes are those about the stream, the expected version and the commit as a whole.
func commitMistakes() []mistake {
	commit := func(name string, change func(*eventstore.Commit)) mistake {
		return mistake{name, func(a *attempt) { a.change = change }}
	}
	return []mistake{
		{"no category", func(a *attempt) { a.stream.Category = "" }},
		{"category too long", func(a *attempt) { a.stream.Category = longName() }},
		{"category with a dot", func(a *attempt) { a.stream.Category = "Acc.ount" }},
		{"category that begins with a digit", func(a *attempt) { a.stream.Category = "1Account" }},
		{"category beyond ASCII", func(a *attempt) { a.stream.Category = "Köln" }},
		{"no aggregate id", func(a *attempt) { a.stream.ID = "" }},
		{"aggregate id too long", func(a *attempt) { a.stream.ID = longID() }},
		{"aggregate id that is not UTF-8", func(a *attempt) { a.stream.ID = noText }},
		{"expected version one below that of no stream", func(a *attempt) { a.expected = eventstore.NoStream - 1 }},
		{"expected version below that of no stream", func(a *attempt) { a.expected = -2 }},
		{"expected version next to Any", func(a *attempt) { a.expected = eventstore.Any + 1 }},
		commit("neither records nor an expectation", func(c *eventstore.Commit) { *c = eventstore.Commit{} }),
		{"a check of nothing", func(a *attempt) { a.records, a.expected = nil, eventstore.Any }},
		commit("two expectations", func(c *eventstore.Commit) { c.Expect = slices.Repeat(c.Expect, 2) }),
		commit("an expectation of another stream", func(c *eventstore.Commit) { c.Expect[0].Stream.ID += "x" }),
		commit("a record of another stream", func(c *eventstore.Commit) { c.Records[1].AggregateID += "x" }),
		commit("a record of another category", func(c *eventstore.Commit) { c.Records[1].Category += "x" }),
		commit("a record of no stream", func(c *eventstore.Commit) { c.Records[1].AggregateID = "" }),
		commit("a digest without a command", func(c *eventstore.Commit) { c.CommandID, c.Digest = "", "d" }),
		commit("a digest that is too long", func(c *eventstore.Commit) {
			c.Digest = strings.Repeat("d", eventstore.MaxDigestBytes+1)
		}),
		commit("a command id that is not UTF-8", func(c *eventstore.Commit) { c.CommandID = noText }),
		{"too many records", func(a *attempt) {
			a.records = slices.Repeat(a.records[:1], eventstore.MaxCommitRecords+1)
		}},
		{"two command ids", func(a *attempt) { a.records[0].CommandID, a.records[1].CommandID = "c-1", "c-2" }},
		{
			"a command id on the second record only",
			func(a *attempt) { a.records[0].CommandID, a.records[1].CommandID = "", "c" },
		},
	}
}

// recordMistakes are those about one record.
func recordMistakes() []mistake {
	first := func(name string, set func(*eventstore.Record)) mistake {
		return mistake{name, func(a *attempt) { set(&a.records[0]) }}
	}
	second := func(name string, set func(*eventstore.Record)) mistake {
		return mistake{name, func(a *attempt) { set(&a.records[1]) }}
	}
	long, broken := longID(), noText
	return []mistake{
		first("commit too large", func(r *eventstore.Record) { r.Value = make([]byte, eventstore.MaxCommitBytes) }),
		first("metadata too large", func(r *eventstore.Record) {
			r.Metadata = map[string]string{"k": strings.Repeat("x", eventstore.MaxCommitBytes+1)}
		}),
		second("version given", func(r *eventstore.Record) { r.AggregateVersion = 2 }),
		first("position given", func(r *eventstore.Record) { r.Position = event.Position{Offset: 1} }),
		first("partition given", func(r *eventstore.Record) { r.Position = event.Position{Partition: 1} }),
		first("commit given", func(r *eventstore.Record) { r.Commit = eventstore.CommitPart{Index: 1, Size: 2} }),
		second("no event id", func(r *eventstore.Record) { r.ID = "" }),
		first("event id too long", func(r *eventstore.Record) { r.ID = long }),
		first("event id that is not UTF-8", func(r *eventstore.Record) { r.ID = broken }),
		second("no event type", func(r *eventstore.Record) { r.Type = "" }),
		first("event type too long", func(r *eventstore.Record) { r.Type = longName() }),
		first("event type with a space", func(r *eventstore.Record) { r.Type = "Account Created" }),
		first("revision zero", func(r *eventstore.Record) { r.Revision = 0 }),
		first("negative revision", func(r *eventstore.Record) { r.Revision = -1 }),
		first("revision beyond 32 bits", func(r *eventstore.Record) { r.Revision = eventstore.MaxRevision + 1 }),
		first("revision that 32 bits cut to another", func(r *eventstore.Record) { r.Revision = math.MaxUint32 + 2 }),
		second("no timestamp", func(r *eventstore.Record) { r.Timestamp = time.Time{} }),
		first("timestamp before 1970", func(r *eventstore.Record) { r.Timestamp = time.Unix(0, -1) }),
		first("timestamp before 1970 that is not there", func(r *eventstore.Record) {
			r.Timestamp = time.Date(1970, 1, 1, 0, 30, 0, 0, time.FixedZone("ahead", 3600))
		}),
		first("timestamp after 2261", func(r *eventstore.Record) {
			r.Timestamp = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
		}),
		first("timestamp after 2261 that is not there", func(r *eventstore.Record) {
			r.Timestamp = time.Date(2261, 12, 31, 23, 30, 0, 0, time.FixedZone("behind", -3600))
		}),
		first("correlation id too long", func(r *eventstore.Record) { r.CorrelationID = long }),
		first("causation id that is not UTF-8", func(r *eventstore.Record) { r.CausationID = broken }),
		{"command id too long", func(a *attempt) { a.records[0].CommandID, a.records[1].CommandID = long, long }},
		first("command's causation id too long", func(r *eventstore.Record) { r.CommandCausationID = long }),
		first("actor id too long", func(r *eventstore.Record) { r.ActorID = long }),
		first("traceparent too long", func(r *eventstore.Record) { r.TraceParent = long }),
		second("no value", func(r *eventstore.Record) { r.Value = nil }),
		second("empty value", func(r *eventstore.Record) { r.Value = []byte{} }),
		first("metadata key empty", func(r *eventstore.Record) { r.Metadata = map[string]string{"": "v"} }),
		first("metadata key too long", func(r *eventstore.Record) { r.Metadata = map[string]string{long: "v"} }),
		first("metadata key that is not UTF-8", func(r *eventstore.Record) {
			r.Metadata = map[string]string{broken: "v"}
		}),
		first("metadata value that is not UTF-8", func(r *eventstore.Record) {
			r.Metadata = map[string]string{"k": broken}
		}),
		{"many mistakes at once", func(a *attempt) {
			a.stream.Category, a.expected = "", -7
			a.records[0].Revision, a.records[0].ActorID = 0, broken
			a.records[1].ID, a.records[1].Value = "", nil
		}},
	}
}

// badInputRefused makes each mistake on a stream with a history and on one without.
func badInputRefused(t test, s *suite) {
	ctx := s.context(t)
	existing, fresh := s.stream(0), s.stream(0)
	_, history := s.append(ctx, t, existing, eventstore.NoStream, s.records(2, "")...)
	for _, bad := range mistakes() {
		for _, stream := range []eventstore.Stream{existing, fresh} {
			a := attempt{stream: stream, expected: eventstore.Any, records: s.records(2, "")}
			bad.make(&a)
			_, err := s.store.Append(ctx, a.commit())
			if !errors.Is(err, eventstore.ErrInvalid) {
				fatal(t, bad.name+": an append does not fail with an *InvalidError", "found", err)
			}
			got, want := invalidFields(err), invalidFields(eventstore.Check(a.commit(), eventstore.WholeID))
			if !slices.Equal(got, want) {
				fatal(t, bad.name+": an append does not report what Check finds", "found", got, "expected", want)
			}
		}
		same(t, bad.name+": the stream afterwards", s.load(ctx, t, existing), history)
		same(t, bad.name+": the stream that should not exist", s.load(ctx, t, fresh), nil)
	}
	for _, bad := range []eventstore.Stream{
		{Category: "", ID: "a"},
		{Category: "Acc.ount", ID: "a"},
		{Category: s.types[0]},
		{Category: s.types[0], ID: "\xff"},
	} {
		records, err := collect(s.store.ReadStream(ctx, bad, 1))
		if len(records) > 0 || !errors.Is(err, eventstore.ErrInvalid) {
			fatal(t, "reading a stream whose name is invalid does not fail with an *InvalidError", bad, err)
		}
	}
	records, err := collect(s.store.ReadCategory(ctx, "Acc.ount", eventstore.Beginning()))
	if len(records) > 0 || !errors.Is(err, eventstore.ErrInvalid) {
		fatal(t, "reading a category whose name is invalid does not fail with an *InvalidError", err)
	}
	records, err = collect(s.store.Follow(ctx, "Acc.ount", eventstore.Beginning()))
	if len(records) > 0 || !errors.Is(err, eventstore.ErrInvalid) {
		fatal(t, "following a category whose name is invalid does not fail with an *InvalidError", err)
	}
}

// invalidFields returns the fields of all *InvalidErrors that are joined and wrapped in err.
func invalidFields(err error) []string {
	var fields []string
	//nolint:errorlint // this walks the tree that errors.As would search for the first match only
	switch e := err.(type) {
	case *eventstore.InvalidError:
		return []string{e.Field}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			fields = append(fields, invalidFields(inner)...)
		}
	case interface{ Unwrap() error }:
		return invalidFields(e.Unwrap())
	}
	return fields
}

// inputNotRetained overwrites what it gave the store.
func inputNotRetained(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	c := eventstore.To(stream, eventstore.NoStream, s.records(3, "")...)
	records := c.Records
	result, err := s.store.Append(ctx, c)
	must(t, "an append that should succeed", err)
	want := stored(stream, result, records)
	c.Expect[0] = eventstore.Expectation{}
	for i := range records {
		for j := range records[i].Value {
			records[i].Value[j] = '!'
		}
		maps.DeleteFunc(records[i].Metadata, func(k, _ string) bool { return k == "tenant" })
		records[i].Metadata["reason"], records[i].Metadata["new"] = "overwritten", "new"
		records[i].ID, records[i].Type = "overwritten", "Overwritten"
	}
	same(t, "a stream whose input was overwritten", s.load(ctx, t, stream), want)
	same(t, "a category whose input was overwritten", s.category(ctx, t, stream.Category).only(stream), want)
}

// endedContextRefused calls everything with a context that ended before.
func endedContextRefused(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	_, history := s.append(ctx, t, stream, eventstore.NoStream, s.records(2, "")...)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := s.store.Append(cancelled, eventstore.To(stream, eventstore.Any, s.records(1, "")...))
	s.refused(ctx, t, "an append with a context that was cancelled before", err, context.Canceled, stream, history)
	late, cancel := context.WithDeadline(ctx, firstTime())
	defer cancel()
	_, err = s.store.Append(late, eventstore.To(stream, eventstore.Any, s.records(1, "")...))
	s.refused(ctx, t, "an append with a context whose deadline has passed", err, context.DeadlineExceeded, stream,
		history)

	l := s.ledger()
	_, err = s.store.Append(cancelled, s.over(2, l.streams("a", "b")...))
	s.refused(ctx, t, "a commit with a context that was cancelled before", err, context.Canceled, l.stream("b"), nil)
	if _, err = s.store.Applied(cancelled, stream, "c"); !errors.Is(err, context.Canceled) {
		fatal(t, "asking for a command with a context that was cancelled before does not fail with its error", err)
	}

	end := eventstore.After(maps.Clone(s.category(ctx, t, stream.Category).cursor))
	for what, begin := range map[string]func(context.Context) read{
		"reading a stream":  func(ctx context.Context) read { return s.store.ReadStream(ctx, stream, 1) },
		"reading no stream": func(ctx context.Context) read { return s.store.ReadStream(ctx, s.stream(0), 1) },
		"reading a category": func(ctx context.Context) read {
			return s.store.ReadCategory(ctx, stream.Category, eventstore.Beginning())
		},
		"reading nothing new": func(ctx context.Context) read {
			return s.store.ReadCategory(ctx, stream.Category, end)
		},
		"following a category": func(ctx context.Context) read {
			return s.store.Follow(ctx, stream.Category, eventstore.Beginning())
		},
	} {
		between, cancel := context.WithCancel(ctx)
		begun := begin(between)
		cancel()
		for when, all := range map[string]func() read{
			"before":          func() read { return begin(cancelled) },
			"before the loop": func() read { return begun },
		} {
			records, err := collect(all())
			if len(records) > 0 || !errors.Is(err, context.Canceled) {
				fatal(t, what+" with a context that was cancelled "+when+" does not fail with its error", len(records),
					err)
			}
		}
	}
}
