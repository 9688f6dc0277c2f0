package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// read is an iterator that a read method of a store returns.
type read = iter.Seq2[eventstore.Record, error]

// history appends commits of several lengths to a fresh stream.
func (s *suite) history(ctx context.Context, t test, stream eventstore.Stream, commits int) []eventstore.Record {
	t.Helper()
	var all []eventstore.Record
	for i := range commits {
		_, want := s.append(ctx, t, stream, eventstore.Expected(len(all)), s.records(1+i%3, "")...)
		all = append(all, want...)
	}
	return all
}

// behind returns a read of the category that begins where it ends now.
func (s *suite) behind(ctx context.Context, t test, category string) func() read {
	t.Helper()
	cursor := maps.Clone(s.category(ctx, t, category).cursor)
	return func() read { return s.store.ReadCategory(ctx, category, eventstore.After(cursor)) }
}

// of leaves only the records of stream.
func of(stream eventstore.Stream, all []eventstore.Record) []eventstore.Record {
	return slices.DeleteFunc(slices.Clone(all), func(r eventstore.Record) bool { return r.AggregateID != stream.ID })
}

func streamFromVersion(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	want := s.history(ctx, t, stream, 6)
	last := int64(len(want))
	for _, from := range []int64{math.MinInt64, -1, 0, 1, 2, 3, last - 1, last, last + 1, last + 100, math.MaxInt64} {
		got, err := collect(s.store.ReadStream(ctx, stream, from))
		must(t, fmt.Sprintf("reading from version %d", from), err)
		same(t, fmt.Sprintf("a stream read from version %d", from), got, want[min(max(from, 1)-1, last):])
	}
	got, err := collect(s.store.ReadStream(ctx, s.stream(0), 1))
	must(t, "reading a stream that was never appended to", err)
	same(t, "a stream that was never appended to", got, nil)
}

// readAsOfCall appends between the call and the loops.
func readAsOfCall(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	category := s.behind(ctx, t, stream.Category)
	want := s.history(ctx, t, stream, 3)
	fromStream, fromCategory := s.store.ReadStream(ctx, stream, 1), category()
	s.append(ctx, t, stream, eventstore.Expected(len(want)), s.records(2, "")...)
	for range 2 {
		got, err := collect(fromStream)
		must(t, "reading a stream", err)
		same(t, "a stream read as of a call, which an append followed", got, want)
		got, err = collect(fromCategory)
		must(t, "reading a category", err)
		same(t, "a category read as of a call, which an append followed", of(stream, got), want)
	}
}

func readBreaks(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	category := s.behind(ctx, t, stream.Category)
	want := s.history(ctx, t, stream, 6)
	for name, all := range map[string]read{"stream": s.store.ReadStream(ctx, stream, 1), "category": category()} {
		for _, most := range []int{1, len(want) - 1, len(want)} {
			n := 0
			for _, err := range all {
				must(t, "reading a "+name, err)
				if n++; n == most {
					break
				}
			}
			if n != most {
				fatal(t, fmt.Sprintf("a loop over a %s saw %d records, expected %d", name, n, most))
			}
		}
		next, stop := iter.Pull2(all)
		_, err, ok := next()
		must(t, "pulling the first record of a "+name, err)
		stop()
		if _, _, more := next(); !ok || more {
			fatal(t, "an iterator over a "+name+" that was stopped after its first record goes on, or has none", ok,
				more)
		}
	}
	same(t, "a stream after loops over it ended early", s.load(ctx, t, stream), want)
}

// cancelledReadTold cancels while it reads. The store may yield the rest if it has it at hand. It
// must not stop as if there were no more.
func cancelledReadTold(t test, s *suite) {
	outer, stream := s.context(t), s.stream(0)
	_, want := s.append(outer, t, stream, eventstore.NoStream, s.records(eventstore.MaxCommitRecords/2, "")...)
	start := maps.Clone(s.category(outer, t, stream.Category).cursor)
	_, more := s.append(outer, t, stream, eventstore.Any, s.records(eventstore.MaxCommitRecords/2, "")...)
	for name, c := range map[string]struct {
		read func(context.Context) read
		want int
	}{
		"stream": {func(ctx context.Context) read { return s.store.ReadStream(ctx, stream, 1) }, len(want) + len(more)},
		"category": {func(ctx context.Context) read {
			return s.store.ReadCategory(ctx, stream.Category, eventstore.After(start))
		}, len(more)},
	} {
		ctx, cancel := context.WithCancel(outer)
		n := 0
		var failed error
		for r, err := range c.read(ctx) {
			cancel()
			switch {
			case failed != nil:
				fatal(t, "a "+name+" yields another pair after the error of its context")
			case err != nil:
				failed = err
			case r.AggregateID == stream.ID:
				n++
			}
		}
		cancel()
		if failed == nil && n != c.want {
			fatal(t,
				fmt.Sprintf("a %s whose read is cancelled stops after %d of %d records without an error", name, n,
					c.want))
		}
		if failed != nil && !errors.Is(failed, context.Canceled) {
			fatal(t, "a read that is cancelled fails with another error than that of its context", failed)
		}
	}
}

// readersDoNotBlock appends, and reads, from within loops over the same records.
func readersDoNotBlock(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	category := s.behind(ctx, t, stream.Category)
	want := s.history(ctx, t, stream, 2)
	n := len(want)
	for _, all := range []read{s.store.ReadStream(ctx, stream, 1), category()} {
		for _, err := range all {
			must(t, "reading amid appends", err)
			_, more := s.append(ctx, t, stream, eventstore.Expected(len(want)), s.records(1, "")...)
			want = append(want, more...)
			same(t, "a stream read from within a loop over it", s.load(ctx, t, stream), want)
			got, err := collect(category())
			must(t, "reading a category from within a loop over it", err)
			same(t, "a category read from within a loop over it", of(stream, got), want)
		}
	}
	if len(want) < 3*n {
		fatal(t, "loops over a stream and its category saw fewer records than were there", len(want))
	}
}

func similarNamesApart(t test, s *suite) {
	ctx, id := s.context(t), ids.New()
	names := []string{
		id, id + " ", " " + id, id + "/", id + "/a", id + "/a/b", id + "a", strings.ToUpper(id) + "A", id + "\x00",
		id + "\x00a", id + "1", id + "11", id + "-1", id + "ä", id + "a\u0308", id + "ß", id + "ss",
	}
	var streams []eventstore.Stream
	for _, name := range names {
		for _, category := range s.types {
			streams = append(streams, eventstore.Stream{Category: category, ID: name})
		}
	}
	history := make(map[eventstore.Stream][]eventstore.Record)
	for _, n := range []int{2, 1} {
		for _, stream := range streams {
			_, want := s.append(ctx, t, stream, eventstore.Expected(len(history[stream])), s.records(n, "")...)
			history[stream] = append(history[stream], want...)
		}
	}
	for _, stream := range streams {
		same(t, fmt.Sprintf("stream %q among similar names", stream.ID), s.load(ctx, t, stream), history[stream])
		same(t, fmt.Sprintf("stream %q among similar names in its category", stream.ID),
			s.category(ctx, t, stream.Category).only(stream), history[stream])
	}
}

func categoryRereads(t test, s *suite) {
	ctx := s.context(t)
	for i, category := range s.types {
		stream := s.stream(i)
		want := s.history(ctx, t, stream, 3)
		v := s.category(ctx, t, category)
		same(t, "a stream in its category", v.only(stream), want)
		for range 2 {
			s.yields(ctx, t, v, "a category read from the beginning", eventstore.Beginning(), v.partitions)
		}
		s.yields(ctx, t, v, "a category read after a cursor that has seen nothing", eventstore.After(nil), v.partitions)
		s.yields(ctx, t, v, "a category read after a cursor that has seen all", eventstore.After(v.cursor), nil)
	}
}

// categoryResumes reads new records a few at a time, each time from a cursor that a projection
// would have saved.
func categoryResumes(t test, s *suite) {
	ctx := s.context(t)
	cursor := maps.Clone(s.category(ctx, t, s.types[0]).cursor)
	want, left := make(map[eventstore.Stream][]eventstore.Record), 0
	for range 8 {
		stream := eventstore.Stream{Category: s.types[0], ID: ids.New()}
		want[stream] = s.history(ctx, t, stream, 3)
		left += len(want[stream])
	}
	got := make(map[eventstore.Stream][]eventstore.Record)
	for page := 0; left > 0; page++ {
		n := 0
		for r, err := range s.store.ReadCategory(ctx, s.types[0], eventstore.After(cursor)) {
			must(t, "resuming a category", err)
			if cursor.Seen(r.Position) {
				fatal(t, "a category that is resumed yields a record that the cursor has seen", r.Position)
			}
			cursor.Advance(r.Position)
			stream := eventstore.Stream{Category: r.Category, ID: r.AggregateID}
			if got[stream] = append(got[stream], r); want[stream] != nil {
				left--
			}
			if n++; n > page { // pages grow, so that the loop catches up with whoever else appends
				break
			}
		}
		if n == 0 {
			break
		}
	}
	v := s.category(ctx, t, s.types[0])
	for stream := range want {
		same(t, "a stream in a category that was read page by page", got[stream], want[stream])
		same(t, "a stream in a category", v.only(stream), want[stream])
	}
	for p := range v.partitions {
		one := eventstore.Cursor{p: v.cursor[p]}
		s.yields(ctx, t, v, "a category read after a cursor that names one partition", eventstore.After(one),
			v.after(one))
	}
}

// categorySince reads around the times of records.
func categorySince(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	s.category(ctx, t, stream.Category)
	base := s.tick(time.Hour).Truncate(time.Second)
	offsets := []time.Duration{
		0, 5 * time.Millisecond, 5*time.Millisecond + 999_999, 2 * time.Millisecond, 9 * time.Millisecond,
		9 * time.Millisecond, time.Millisecond, 20*time.Millisecond + 1, 10 * time.Millisecond,
	}
	for i, d := range offsets {
		r := s.record(base.Add(d), "")
		s.append(ctx, t, stream, eventstore.Expected(i), r)
		s.append(ctx, t, s.stream(0), eventstore.NoStream, s.record(base.Add(d+time.Millisecond), ""))
	}
	s.tick(time.Hour)
	v := s.category(ctx, t, stream.Category)
	for _, r := range v.only(stream) {
		for d := -1500 * time.Microsecond; d < 2*time.Millisecond; d += 500 * time.Microsecond {
			since := r.Timestamp.Truncate(time.Millisecond).Add(d)
			s.yields(ctx, t, v, "a category read since a time", eventstore.Since(since), v.since(since))
			since = since.Add(-1).In(zones()[1])
			s.yields(ctx, t, v, "a category read since a time in another zone", eventstore.Since(since), v.since(since))
		}
	}
	// To Kafka, -1, -2, -3 … milliseconds mean the latest offset, the earliest, and so on.
	for _, early := range []time.Time{
		{},
		time.UnixMilli(-1), time.UnixMilli(-2), time.UnixMilli(-3), time.UnixMilli(-4), time.UnixMilli(-5),
		time.UnixMilli(0), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		s.yields(ctx, t, v, "a category read since before the first record", eventstore.Since(early), v.partitions)
	}
	for _, year := range []int{2039, 2261, 99_999} {
		late := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		s.yields(ctx, t, v, "a category read since a later time", eventstore.Since(late), nil)
	}
}

// cursorsBeyondEnd reads behind cursors that no reader of the store has yet.
func cursorsBeyondEnd(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	result, before := s.append(ctx, t, stream, eventstore.NoStream, s.records(2, "")...)
	v := s.category(ctx, t, stream.Category)
	for _, beyond := range []int64{1, 2, 1000, math.MaxInt64} {
		cursor := maps.Clone(v.cursor)
		for p, last := range cursor {
			cursor[p] = last + min(beyond, math.MaxInt64-last)
		}
		s.yields(ctx, t, v, "a category read after a cursor that is beyond its end", eventstore.After(cursor), nil)
	}
	const ahead = 5
	start := maps.Clone(v.cursor)
	start[result.Position.Partition] = result.Position.Offset + ahead
	all := s.store.Follow(ctx, stream.Category, eventstore.After(start))
	for range 2 * ahead {
		_, more := s.append(ctx, t, stream, eventstore.Expected(len(before)), s.records(1, "")...)
		before = append(before, more...)
	}
	want := slices.DeleteFunc(before, func(r eventstore.Record) bool {
		return r.Position.Offset <= result.Position.Offset+ahead
	})
	got := s.followUntil(ctx, t, all, start, stream, len(want), make(chan struct{}, 1))
	same(t, "a stream in a category that is followed from beyond its end", got, want)
}

// unknownCategoryRefused asks for a category that no store of a test holds.
func unknownCategoryRefused(t test, s *suite) {
	ctx, unknown := s.context(t), eventstore.Stream{Category: "Nobody-has-heard-of-it", ID: "a"}
	_, appended := s.store.Append(ctx, eventstore.To(unknown, eventstore.Any, s.records(1, "")...))
	_, several := s.store.Append(ctx, s.over(2, unknown, eventstore.Stream{Category: unknown.Category, ID: "b"}))
	_, applied := s.store.Applied(ctx, unknown, "c")
	_, snapshot := s.store.Snapshot(ctx, unknown, "n")
	_, read := collect(s.store.ReadStream(ctx, unknown, 1))
	_, queued := collect(firstOf(s.store.ReadQueued(ctx, unknown.At(0))))
	_, all := collect(s.store.ReadCategory(ctx, unknown.Category, eventstore.Beginning()))
	_, followed := collect(s.store.Follow(ctx, unknown.Category, eventstore.Beginning()))
	for what, err := range map[string]error{
		"appending to": appended, "appending to several streams of": several, "asking for a command in": applied,
		"reading a stream of": read, "looking for a snapshot in": snapshot,
		"keeping a snapshot in":              s.store.KeepSnapshot(ctx, unknown, "n", eventstore.Snapshot{}),
		"reading for a decision a stream of": queued, "reading": all, "following": followed,
	} {
		if fields := invalidFields(err); !slices.Equal(fields, []string{"category"}) {
			fatal(t,
				what+" a category that the store does not hold does not fail with an *InvalidError of the category",
				err)
		}
	}
}
