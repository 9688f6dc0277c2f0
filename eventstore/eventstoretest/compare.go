package eventstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// collect returns what an iterator yields. It fails if anything follows an error.
func collect(records iter.Seq2[eventstore.Record, error]) ([]eventstore.Record, error) {
	var (
		all    []eventstore.Record
		failed error
	)
	for r, err := range records {
		switch {
		case failed != nil:
			//nolint:errorlint // neither is this one's cause
			return nil, fmt.Errorf("a pair (%v, %v) follows the error %q, which should be the last", r, err, failed)
		case err != nil:
			failed = err
		default:
			all = append(all, r)
		}
	}
	return all, failed
}

func (s *suite) load(ctx context.Context, t test, stream eventstore.Stream) []eventstore.Record {
	t.Helper()
	records, err := collect(s.store.ReadStream(ctx, stream, 1))
	must(t, "reading a stream", err)
	return records
}

// append appends to stream, and returns the records as they should come back.
func (s *suite) append(
	ctx context.Context, t test, stream eventstore.Stream, expected eventstore.Expected, records ...eventstore.Record,
) (eventstore.Result, []eventstore.Record) {
	t.Helper()
	return s.commit(ctx, t, eventstore.To(stream, expected, records...))
}

// commit appends a new commit, and returns its records as they should come back.
func (s *suite) commit(ctx context.Context, t test, c eventstore.Commit) (eventstore.Result, []eventstore.Record) {
	t.Helper()
	result, err := s.store.Append(ctx, c)
	must(t, "an append that should succeed", err)
	if result.Repeated {
		fatal(t, "the result of a new commit says Repeated", result)
	}
	if result.Time.IsZero() {
		fatal(t, "the result of a new commit has no time", result)
	}
	versions := 0
	for _, w := range result.Streams {
		versions += int(w.Last - w.First + 1)
	}
	if versions != len(c.Records) {
		fatal(t, "the result of an append has another number of versions than the commit has records", result,
			len(c.Records))
	}
	return result, storedCommit(c, result)
}

// stored is storedCommit for a commit of one stream.
func stored(stream eventstore.Stream, result eventstore.Result, records []eventstore.Record) []eventstore.Record {
	return storedCommit(eventstore.To(stream, eventstore.Any, records...), result)
}

// storedCommit returns the records of a commit as they should come back. Only the store knows the
// positions and times, and its result has those of the last record. The others are left zero.
func storedCommit(c eventstore.Commit, result eventstore.Result) []eventstore.Record {
	next := make(map[eventstore.Stream]int64)
	for _, w := range result.Streams {
		next[w.Stream] = w.First
	}
	want := slices.Clone(c.Stamped())
	several := len(c.Streams()) > 1
	for i := range want {
		r := &want[i]
		r.AggregateVersion = next[r.Stream()]
		next[r.Stream()]++
		r.Commit = eventstore.CommitPart{Index: i + 1, Size: len(want), Several: several}
		r.Timestamp = time.Time{}
		r.Value = bytes.Clone(r.Value)
		r.Metadata = maps.Clone(r.Metadata)
	}
	want[len(want)-1].Position, want[len(want)-1].Timestamp = result.Position, result.Time
	return want
}

// same fails unless got is want. A zero position or time in want matches any.
func same(t test, what string, got, want []eventstore.Record) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if alike(&got[i], &want[i]) {
			continue
		}
		if d := diff(got[i], want[i]); d != "" {
			fatal(t, what+": a record is not as it should be", fmt.Sprintf("record %d of %d: %s", i+1, len(want), d))
		}
	}
	if len(got) != len(want) {
		fatal(t, what+": there are more or fewer records than there should be",
			fmt.Sprintf("found %d, expected %d", len(got), len(want)))
	}
	ordered(t, what, got)
}

// ordered fails unless offsets grow within each partition.
func ordered(t test, what string, records []eventstore.Record) {
	t.Helper()
	if err := disorder(records); err != nil {
		fatal(t, what+": positions are not in order", err)
	}
}

// disorder returns what is wrong with the order of positions, or nil.
func disorder(records []eventstore.Record) error {
	last := make(eventstore.Cursor)
	for _, r := range records {
		if last.Seen(r.Position) {
			return fmt.Errorf("position %s follows offset %d", r.Position, last[r.Position.Partition])
		}
		if r.Position.Partition < 0 || r.Position.Offset < 0 {
			return fmt.Errorf("position %s is negative", r.Position)
		}
		last.Advance(r.Position)
	}
	return nil
}

// alike is a quick way to see that diff would find nothing.
func alike(got, want *eventstore.Record) bool {
	g, w := *got, *want
	//nolint:staticcheck // the location must be the same too
	return g.Position == w.Position && g.Commit == w.Commit && g.Timestamp == w.Timestamp &&
		g.ID == w.ID && g.Type == w.Type && g.Revision == w.Revision &&
		g.Category == w.Category && g.AggregateID == w.AggregateID && g.AggregateVersion == w.AggregateVersion &&
		g.CorrelationID == w.CorrelationID && g.CausationID == w.CausationID && g.CommandID == w.CommandID &&
		g.CommandDigest == w.CommandDigest &&
		g.CommandCausationID == w.CommandCausationID && g.ActorID == w.ActorID && g.TraceParent == w.TraceParent &&
		bytes.Equal(g.Value, w.Value) &&
		maps.Equal(g.Metadata, w.Metadata) && (g.Metadata == nil || len(g.Metadata) > 0)
}

// diff says how got differs from want, or returns nothing.
func diff(got, want eventstore.Record) string {
	var found []string
	add := func(field string, got, want any) {
		found = append(found, fmt.Sprintf("%s: found %s, expected %s", field, brief(got), brief(want)))
	}
	if want.Position != (event.Position{}) && got.Position != want.Position {
		add("Position", got.Position, want.Position)
	}
	if got.Commit != want.Commit {
		add("Commit", got.Commit, want.Commit)
	}
	if !bytes.Equal(got.Value, want.Value) {
		add("Value", got.Value, want.Value)
	}
	if !maps.Equal(got.Metadata, want.Metadata) {
		add("Metadata", got.Metadata, want.Metadata)
	} else if got.Metadata != nil && len(got.Metadata) == 0 {
		add("Metadata", "an empty map", "nil")
	}
	if !want.Timestamp.IsZero() && !got.Timestamp.Equal(want.Timestamp) || got.Timestamp.Location() != time.UTC {
		add("Timestamp", got.Timestamp.Format(time.RFC3339Nano), want.Timestamp.Format(time.RFC3339Nano))
	}
	if got.AggregateVersion != want.AggregateVersion {
		add("AggregateVersion", got.AggregateVersion, want.AggregateVersion)
	}
	if got.Revision != want.Revision {
		add("Revision", got.Revision, want.Revision)
	}
	for _, f := range []struct{ name, got, want string }{
		{"ID", got.ID, want.ID},
		{"Type", got.Type, want.Type},
		{"Category", got.Category, want.Category},
		{"AggregateID", got.AggregateID, want.AggregateID},
		{"CorrelationID", got.CorrelationID, want.CorrelationID},
		{"CausationID", got.CausationID, want.CausationID},
		{"CommandID", got.CommandID, want.CommandID},
		{"CommandCausationID", got.CommandCausationID, want.CommandCausationID},
		{"CommandDigest", got.CommandDigest, want.CommandDigest},
		{"ActorID", got.ActorID, want.ActorID},
		{"TraceParent", got.TraceParent, want.TraceParent},
	} {
		if f.got != f.want {
			add(f.name, f.got, f.want)
		}
	}
	return strings.Join(found, "\n")
}

// brief is value in at most a few hundred characters.
func brief(value any) string {
	text := fmt.Sprintf("%+v", value)
	switch v := value.(type) {
	case string, map[string]string:
		text = fmt.Sprintf("%q", v)
	case []byte:
		text = fmt.Sprintf("%x", v)
	}
	const most = 300
	if len(text) > most {
		text = fmt.Sprintf("%s… (%d bytes)", text[:most], len(text))
	}
	return text
}

// refused fails unless err matches sentinel, and stream is as it was before.
func (s *suite) refused(
	ctx context.Context, t test, what string, err, sentinel error, stream eventstore.Stream, before []eventstore.Record,
) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		fatal(t, fmt.Sprintf("%s: expected an error that matches %q", what, sentinel), "found", err)
	}
	same(t, what+": the stream afterwards", s.load(ctx, t, stream), before)
}
