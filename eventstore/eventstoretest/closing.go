package eventstoretest

import (
	"context"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// closed closes the store while others append. If the store is durable, it opens it again and looks
// at what is left.
func closed(t test, s *suite) {
	closer, ok := s.store.(io.Closer)
	if !ok {
		t.Skip("the store has no method Close() error")
	}
	ctx := s.context(t)
	stream, command := s.stream(0), ids.New()
	first, want := s.append(ctx, t, stream, eventstore.NoStream, s.records(3, command)...)
	several := severalBefore(ctx, t, s)
	followed := make(chan error, 1)
	go func() {
		_, err := collect(s.store.Follow(ctx, stream.Category, eventstore.Beginning()))
		followed <- err
	}()
	begun := map[string]read{
		"a stream": s.store.ReadStream(ctx, stream, 1), "no stream": s.store.ReadStream(ctx, s.stream(0), 1),
		"a category":           s.store.ReadCategory(ctx, stream.Category, eventstore.Beginning()),
		"a category, followed": s.store.Follow(ctx, stream.Category, eventstore.Beginning()),
	}
	attempts := s.appendWhileClosing(ctx, t, closer)
	for _, what := range slices.Sorted(maps.Keys(begun)) {
		records, err := collect(begun[what])
		closedError(t, "ranging over "+what+" that was asked for before the store was closed", err)
		if len(records) > 0 {
			fatal(t, "ranging over "+what+" that was asked for before the store was closed yields records",
				len(records))
		}
	}
	closedError(t, "a follow that Close interrupts", <-followed)

	s.appendToClosed(ctx, t, stream)
	_, err := collect(s.store.ReadStream(ctx, stream, 1))
	closedError(t, "reading a stream of a closed store", err)
	_, err = collect(firstOf(s.store.ReadQueued(ctx, stream.At(0))))
	closedError(t, "reading a stream of a closed store for a decision", err)
	_, err = s.store.Applied(ctx, stream, command)
	closedError(t, "asking a closed store for a command", err)
	_, err = s.store.Snapshot(ctx, stream, "n")
	closedError(t, "looking for a snapshot in a closed store", err)
	closedError(t, "keeping a snapshot in a closed store",
		s.store.KeepSnapshot(ctx, stream, "n", eventstore.Snapshot{Version: 1}))
	_, err = collect(s.store.ReadCategory(ctx, stream.Category, eventstore.Beginning()))
	closedError(t, "reading a category of a closed store", err)
	_, err = collect(s.store.Follow(ctx, stream.Category, eventstore.Beginning()))
	closedError(t, "following a category of a closed store", err)
	must(t, "closing a store that is closed", closer.Close())
	if !s.durable {
		return
	}

	s.store = s.open()
	same(t, "a stream after the store was opened again", s.load(ctx, t, stream), want)
	for _, a := range attempts {
		a.survived(ctx, t, s)
	}
	several.survived(ctx, t, s)
	for _, category := range append(slices.Clone(s.types), s.ledgers) {
		v := s.views[category]
		s.yields(ctx, t, v, "a category after the store was opened again", eventstore.Beginning(), v.partitions)
	}
	again, err := s.store.Append(ctx, eventstore.To(stream, eventstore.Any, s.records(1, command)...))
	must(t, "repeating a command after the store was opened again", err)
	first.Repeated, first.Time = true, time.Time{}
	if !reflect.DeepEqual(again, first) {
		fatal(t, "a command is not known after the store was opened again", again, "expected", first)
	}
	_, err = s.store.Append(ctx, eventstore.To(stream, eventstore.Expected(2), s.records(1, "")...))
	conflicts(t, err, stream, 2, 3)
	_, more := s.append(ctx, t, stream, eventstore.Expected(3), s.record(firstTime(), ""), s.records(1, "")[0])
	s.category(ctx, t, stream.Category) // no time has gone back
	same(t, "a stream that grew after the store was opened again", s.load(ctx, t, stream), append(want, more...))
}

// appendToClosed appends to a store that is closed: a commit, and a list.
func (s *suite) appendToClosed(ctx context.Context, t test, stream eventstore.Stream) {
	t.Helper()
	_, err := s.store.Append(ctx, eventstore.To(stream, eventstore.Any, s.records(1, "")...))
	closedError(t, "an append to a closed store", err)
	for _, a := range s.store.AppendEach(ctx, []eventstore.Commit{
		eventstore.To(stream, eventstore.Any, s.records(1, "")...), s.over(2, s.ledger().streams("a", "b")...),
	}) {
		closedError(t, "a commit of a list that is appended to a closed store", a.Err)
	}
}

func closedError(t test, what string, err error) {
	t.Helper()
	if !errors.Is(err, eventstore.ErrClosed) {
		fatal(t, what+" does not fail with ErrClosed", "found", err)
	}
}

// closingAttempts are the appends of one writer to one stream: the acknowledged ones, and the last
// one, which was not.
type closingAttempts struct {
	stream eventstore.Stream
	stored []eventstore.Record
	open   []eventstore.Record
	err    error
}

// appendWhileClosing lets writers append until it closes the store under them. It fails unless each
// writer is told so.
func (s *suite) appendWhileClosing(ctx context.Context, t test, closer io.Closer) []*closingAttempts {
	t.Helper()
	var (
		group    sync.WaitGroup
		isClosed atomic.Bool
		attempts = make([]*closingAttempts, writers)
		started  = make(chan struct{}, writers)
		at       = s.tick(1)
	)
	for n := range attempts {
		a := &closingAttempts{stream: s.stream(n)}
		attempts[n] = a
		group.Go(func() {
			for last := false; !last && a.err == nil; {
				last = isClosed.Load()
				a.open = []eventstore.Record{s.record(at, ""), s.record(at, "")}
				var result eventstore.Result
				result, a.err = s.store.Append(ctx,
					eventstore.To(a.stream, eventstore.Expected(len(a.stored)), a.open...))
				if a.err == nil {
					a.stored = append(a.stored, stored(a.stream, result, a.open)...)
				}
				if result.Last() == 2 || len(a.stored) == 0 {
					started <- struct{}{}
				}
			}
		})
	}
	for range attempts {
		<-started
	}
	err := closer.Close()
	isClosed.Store(true)
	must(t, "closing the store", err)
	group.Wait()
	for _, a := range attempts {
		if !errors.Is(a.err, eventstore.ErrClosed) && !errors.Is(a.err, eventstore.ErrOutcomeUnknown) {
			fatal(t, "an append that Close interrupts fails with neither ErrClosed nor ErrOutcomeUnknown", a.err)
		}
	}
	return attempts
}

// survived fails unless the stream holds what was acknowledged, and nothing of what was refused.
func (a *closingAttempts) survived(ctx context.Context, t test, s *suite) {
	t.Helper()
	got := s.load(ctx, t, a.stream)
	want := a.stored
	if errors.Is(a.err, eventstore.ErrOutcomeUnknown) && len(got) > len(want) {
		n := int64(len(want))
		result := eventstore.Result{
			Streams:  []eventstore.Written{{Stream: a.stream, First: n + 1, Last: n + int64(len(a.open))}},
			Position: got[len(got)-1].Position,
		}
		want = append(want, stored(a.stream, result, a.open)...)
	}
	same(t, "a stream that was appended to while the store was closed", got, want)
}

// severalClosed is a commit over several streams from before the store was closed.
type severalClosed struct {
	ledger
	commit eventstore.Commit
	result eventstore.Result
	want   []eventstore.Record
}

func severalBefore(ctx context.Context, t test, s *suite) severalClosed {
	t.Helper()
	b := severalClosed{ledger: s.ledger()}
	b.commit = s.over(5, b.streams("b", "a")...)
	b.commit.CommandID, b.commit.Digest = ids.New(), "d-1"
	b.result, b.want = s.commit(ctx, t, b.commit)
	return b
}

// survived fails unless the commit is there, and its command is known.
func (b severalClosed) survived(ctx context.Context, t test, s *suite) {
	t.Helper()
	s.holds(ctx, t, "after the store was opened again", b.ledger, b.want)
	s.applied(ctx, t, b.stream("never written"), b.commit.CommandID, true)
	repeated, err := s.store.Append(ctx, b.commit)
	must(t, "repeating a command over several streams after the store was opened again", err)
	if !reflect.DeepEqual(repeated, again(b.result)) {
		fatal(t, "a command over several streams is not known after the store was opened again", repeated, "expected",
			again(b.result))
	}
	other := s.over(2, b.streams("a", "c")...)
	other.CommandID, other.Digest = b.commit.CommandID, b.commit.Digest
	_, err = s.store.Append(ctx, other)
	reused(t, err, eventstore.CommandReusedError{
		Stream: other.Stream(), CommandID: other.CommandID, Stored: "d-1", Given: "d-1", Wrote: b.commit.Streams(),
	})
	_, err = s.store.Append(ctx, expecting(s.over(2, b.stream("c")), b.streams("a"), 1))
	conflictOf(t, err, &eventstore.ConflictError{Stream: b.stream("a"), Expected: 1, Actual: 2})
	_, more := s.commit(ctx, t, expecting(s.over(3, b.streams("a", "b")...), b.streams("b", "a", "c"), 3, 2, 0))
	s.holds(ctx, t, "after the store was opened again, and grew", b.ledger, append(b.want, more...))
}
