package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// handovers is how often a follower that has caught up must be woken. A store that sometimes loses
// a wake-up hangs within so many.
const handovers = 100

// categoryFollowed ranges over the same follow twice. It first gets what was there, and then each
// time what is appended meanwhile.
func categoryFollowed(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	s.history(ctx, t, s.stream(0), 1) // so that the start is not the beginning
	start := maps.Clone(s.category(ctx, t, stream.Category).cursor)
	want := s.history(ctx, t, stream, 3)
	all := s.store.Follow(ctx, stream.Category, eventstore.After(start))
	for range 2 {
		commits, total := make([][]eventstore.Record, handovers), len(want)
		for i := range commits {
			commits[i] = s.records(1+i%2, "")
			total += len(commits[i])
		}
		var got []eventstore.Record
		var failed error
		want, failed = s.appendAsSeen(ctx, stream, want, commits, func(seen chan<- struct{}) {
			got = s.followUntil(ctx, t, all, start, stream, total, seen)
		})
		must(t, "appending to a category that is followed", failed)
		same(t, "a stream in a category that is followed", got, want)
	}
}

// appendAsSeen appends commits behind want, each of them once follow has said that it has seen
// something. It returns all records.
func (s *suite) appendAsSeen(
	ctx context.Context, stream eventstore.Stream, want []eventstore.Record, commits [][]eventstore.Record,
	follow func(chan<- struct{}),
) ([]eventstore.Record, error) {
	seen, over := make(chan struct{}, 1), make(chan struct{})
	var failed error
	var group sync.WaitGroup
	group.Go(func() {
		for _, c := range commits {
			select {
			case <-seen:
			case <-over:
				return
			}
			var result eventstore.Result
			result, failed = s.store.Append(ctx, eventstore.To(stream, eventstore.Expected(len(want)), c...))
			if failed != nil {
				return
			}
			want = append(want, stored(stream, result, c)...)
		}
	})
	func() {
		defer group.Wait()
		defer close(over)
		follow(seen)
	}()
	return want, failed
}

// followUntil ranges over all until it has yielded total records of the stream, and returns them.
// After each commit it says so to seen.
func (s *suite) followUntil(
	ctx context.Context, t test, all read, start eventstore.Cursor, stream eventstore.Stream, total int,
	seen chan<- struct{},
) []eventstore.Record {
	t.Helper()
	var got []eventstore.Record
	last := make(eventstore.Cursor)
	maps.Copy(last, start)
	for r, err := range all {
		must(t, "following a category", err)
		if last.Seen(r.Position) {
			fatal(t, "a category that is followed yields a record behind its start, or one twice", r.Position)
		}
		last.Advance(r.Position)
		if r.AggregateID != stream.ID {
			continue
		}
		got = append(got, r)
		if endsCommit(r) {
			select {
			case seen <- struct{}{}:
			default:
			}
		}
		if len(got) == total {
			return got
		}
	}
	if ctx.Err() == nil {
		fatal(t, fmt.Sprintf("a category that is followed ends by itself after %d of %d records", len(got), total))
	}
	return got
}

// followedFromEnd ranges over a follow only after appends that came after the call.
func followedFromEnd(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	before := s.history(ctx, t, stream, 2)
	all := s.store.Follow(ctx, stream.Category, eventstore.End())
	_, want := s.append(ctx, t, stream, eventstore.Expected(len(before)), s.records(3, "")...)
	for range 2 {
		got := s.followUntil(ctx, t, all, nil, stream, len(want), make(chan struct{}, 1))
		same(t, "a stream in a category that is followed from its end", got, want)
	}
	got, err := collect(s.store.ReadCategory(ctx, stream.Category, eventstore.End()))
	must(t, "reading a category from its end", err)
	same(t, "a category read from its end up to its end", got, nil)
}

// followedSince follows from a time that only later appends reach.
func followedSince(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	s.category(ctx, t, stream.Category)
	early := s.tick(time.Hour)
	late := s.tick(time.Hour)
	for late.UnixMilli() == early.UnixMilli() { // the present is close, and moves on
		late = s.tick(time.Hour)
	}
	since := s.store.Follow(ctx, stream.Category, eventstore.Since(late))
	s.append(ctx, t, stream, eventstore.NoStream, s.record(early, ""))
	_, want := s.append(ctx, t, stream, eventstore.Expected(1), s.record(late, ""), s.record(early, ""))
	got := s.followUntil(ctx, t, since, nil, stream, len(want), make(chan struct{}, 1))
	same(t, "a stream in a category that is followed since a later time", got, want)
}

// followedUntilCancelled ends a loop that waits, and one that has begun.
func followedUntilCancelled(t test, s *suite) {
	outer, stream := s.context(t), s.stream(0)
	for _, what := range []string{"waits", "reads"} {
		ctx, cancel := context.WithCancel(outer)
		all := s.store.Follow(ctx, stream.Category, eventstore.End())
		if what == "reads" {
			s.append(outer, t, stream, eventstore.NoStream, s.records(2, "")...)
		} else {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
		var failed error
		for _, err := range all {
			if failed != nil {
				fatal(t, "a follow yields another pair after the error of its context")
			}
			failed = err
			cancel()
		}
		cancel()
		if !errors.Is(failed, context.Canceled) {
			fatal(t, "a follow that "+what+" and is cancelled does not fail with the error of its context", failed)
		}
	}
}
