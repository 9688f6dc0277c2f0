package eventstoretest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/fencelog/fencelog/eventstore"
)

// wholeCommitsRead reads commits over several streams, from between them and from within them.
func wholeCommitsRead(t test, s *suite) {
	ctx, l := s.context(t), s.ledger()
	streams := l.streams("a", "b", "c", "d")
	start := maps.Clone(s.category(ctx, t, l.category).cursor)
	var want [][]eventstore.Record
	for i, n := range []int{1, 2, 4, 7, 3, 5} {
		_, more := s.commit(ctx, t, s.over(n, streams[:1+i%len(streams)]...))
		want = append(want, more)
		s.commit(ctx, t, s.over(2, s.ledger().streams("a", "b")...)) // which may be in another partition
	}
	s.holds(ctx, t, "commits over several streams", l, slices.Concat(want...))
	learned := s.category(ctx, t, l.category).ledgers[l.key]
	for i := range want {
		want[i], learned = learned[:len(want[i])], learned[len(want[i]):]
	}
	s.wholeFrom(ctx, t, l, start, want, true)
	for i, commit := range want {
		for j, r := range commit {
			cursor := maps.Clone(start)
			cursor.Advance(r.Position)
			left := slices.Clone(want[i:])
			if left[0] = commit[j+1:]; len(left[0]) == 0 {
				left = left[1:]
			}
			s.wholeFrom(ctx, t, l, cursor, left, j == 0)
		}
	}
	for _, stream := range streams {
		s.partsOf(ctx, t, stream, want)
	}
	s.wholeFollowed(ctx, t, l, streams)
}

// wholeFrom reads the category from a cursor, and may follow it, too. It fails unless the partition
// key yields the commits.
func (s *suite) wholeFrom(
	ctx context.Context, t test, l ledger, cursor eventstore.Cursor, want [][]eventstore.Record, follows bool,
) {
	t.Helper()
	n := 0
	for commit, err := range eventstore.ByCommit(s.store.ReadCategory(ctx, l.category, eventstore.After(cursor))) {
		must(t, "reading a category by commits", err)
		if eventstore.BeforeSlash.Of(commit[0].AggregateID) != l.key {
			continue
		}
		if n++; n > len(want) {
			fatal(t, "a category yields more commits than there are", n)
		}
		same(t, fmt.Sprintf("commit %d of %d, read", n, len(want)), commit, want[n-1])
	}
	if n != len(want) {
		fatal(t, "a category yields fewer commits than there are", n, len(want))
	}
	if n = 0; !follows || len(want) == 0 { // it would wait
		return
	}
	for commit, err := range eventstore.ByCommit(s.store.Follow(ctx, l.category, eventstore.After(cursor))) {
		must(t, "following a category by commits", err)
		if eventstore.BeforeSlash.Of(commit[0].AggregateID) != l.key {
			continue
		}
		n++
		same(t, fmt.Sprintf("commit %d of %d, followed", n, len(want)), commit, want[n-1])
		if n == len(want) {
			return
		}
	}
}

// partsOf fails unless the stream yields its parts of the commits.
func (s *suite) partsOf(ctx context.Context, t test, stream eventstore.Stream, commits [][]eventstore.Record) {
	t.Helper()
	var want, got [][]eventstore.Record
	for _, commit := range commits {
		if part := of(stream, commit); len(part) > 0 {
			want = append(want, part)
		}
	}
	for part, err := range eventstore.ByCommit(s.store.ReadStream(ctx, stream, 1)) {
		must(t, "reading a stream by commits", err)
		got = append(got, part)
	}
	if len(got) != len(want) {
		fatal(t, "a stream yields parts of more or fewer commits than there are", len(got), len(want))
	}
	for i := range want {
		same(t, "the part of a commit in a stream", got[i], want[i])
	}
}

// wholeFollowed follows the category, and appends each commit when the one before it has been seen.
// So a commit must be there without the next one.
func (s *suite) wholeFollowed(ctx context.Context, t test, l ledger, streams []eventstore.Stream) {
	t.Helper()
	start := maps.Clone(s.category(ctx, t, l.category).cursor)
	all := eventstore.ByCommit(s.store.Follow(ctx, l.category, eventstore.After(start)))
	next := func(n int) []eventstore.Record {
		_, want := s.commit(ctx, t, s.over(1+n%5, streams...))
		return want
	}
	n, want := 0, next(0)
	for commit, err := range all {
		must(t, "following a category by commits", err)
		if eventstore.BeforeSlash.Of(commit[0].AggregateID) != l.key {
			continue
		}
		same(t, "a commit that is followed", commit, want)
		if n++; n == handovers/5 {
			return
		}
		want = next(n)
	}
	if ctx.Err() == nil {
		fatal(t, "a category that is followed by commits ends by itself", n)
	}
}
