package eventstoretest_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"sync"
	"sync/atomic"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

type (
	records    = iter.Seq2[eventstore.Record, error]
	readQueued = func(
		context.Context, eventstore.Expectation, ...eventstore.Expectation,
	) (records, eventstore.Expectation)
)

// wrapped is a good store, each of whose methods can be replaced by a broken one. It can be closed
// and opened again. Then it holds what it held before.
type wrapped struct {
	good     *memory.Store
	append   func(context.Context, eventstore.Commit) (eventstore.Result, error)
	each     func(context.Context, []eventstore.Commit) []eventstore.Answer
	applied  func(context.Context, eventstore.Stream, string, ...eventstore.Expectation) (bool, error)
	queued   readQueued
	snapshot func(context.Context, eventstore.Stream, string) (eventstore.Snapshot, error)
	keep     func(context.Context, eventstore.Stream, string, eventstore.Snapshot) error
	stream   func(context.Context, eventstore.Stream, int64) records
	category func(context.Context, string, eventstore.Start) records
	follow   func(context.Context, string, eventstore.Start) records
	close    func() error
	reopen   func()

	opens    int
	closed   atomic.Bool
	outlives bool         // what was asked for before the store was closed is read afterwards
	gate     sync.RWMutex // held for reading by appends, so that close waits for them

	until   context.Context //nolint:containedctx // ends when the store is closed, and with it every follow
	closing context.CancelFunc
}

func newWrapped(store *memory.Store) *wrapped {
	w := &wrapped{
		good: store, stream: store.ReadStream, category: store.ReadCategory, follow: store.Follow, reopen: func() {},
	}
	w.append = store.Append
	w.each = w.oneAfterTheOther
	w.applied = store.Applied
	w.snapshot, w.keep = store.Snapshot, store.KeepSnapshot
	w.queued = func(
		ctx context.Context, after eventstore.Expectation, with ...eventstore.Expectation,
	) (records, eventstore.Expectation) {
		all, at := store.ReadQueued(ctx, after, with...)
		if at.Tip == nil { // it could not be read
			return all, at
		}
		from := min(max(after.Version, 0), math.MaxInt64-1) + 1
		return upTo(at.Version, w.ReadStream(ctx, after.Stream, int64(from))), at
	}
	w.close = func() error {
		w.gate.Lock()
		defer w.gate.Unlock()
		w.closed.Store(true)
		w.closing()
		return nil
	}
	return w
}

// opened opens the store.
func (w *wrapped) opened() *wrapped {
	if w.opens++; w.opens > 1 {
		w.reopen()
	}
	w.closed.Store(false)
	w.until, w.closing = context.WithCancel(context.Background())
	return w
}

func (w *wrapped) Append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	w.gate.RLock()
	defer w.gate.RUnlock()
	if w.closed.Load() {
		return eventstore.Result{}, eventstore.ErrClosed
	}
	return w.append(ctx, c)
}

func (w *wrapped) AppendEach(ctx context.Context, commits []eventstore.Commit) []eventstore.Answer {
	return w.each(ctx, commits)
}

// oneAfterTheOther appends a list as the store appends single commits, with whatever is wrong with
// that.
func (w *wrapped) oneAfterTheOther(ctx context.Context, commits []eventstore.Commit) []eventstore.Answer {
	answers := make([]eventstore.Answer, len(commits))
	for i, c := range commits {
		a := &answers[i]
		if a.Err = eventstore.RefuseCheck(c); a.Err == nil {
			a.Result, a.Err = w.Append(ctx, c)
		}
	}
	return answers
}

func (w *wrapped) Applied(
	ctx context.Context, stream eventstore.Stream, commandID string, with ...eventstore.Expectation,
) (bool, error) {
	if w.closed.Load() {
		return false, eventstore.ErrClosed
	}
	return w.applied(ctx, stream, commandID, with...)
}

func (w *wrapped) ReadQueued(
	ctx context.Context, after eventstore.Expectation, with ...eventstore.Expectation,
) (records, eventstore.Expectation) {
	return w.queued(ctx, after, with...)
}

func (w *wrapped) Snapshot(ctx context.Context, s eventstore.Stream, name string) (eventstore.Snapshot, error) {
	if w.closed.Load() {
		return eventstore.Snapshot{}, eventstore.ErrClosed
	}
	return w.snapshot(ctx, s, name)
}

func (w *wrapped) KeepSnapshot(
	ctx context.Context, s eventstore.Stream, name string, snapshot eventstore.Snapshot,
) error {
	if w.closed.Load() {
		return eventstore.ErrClosed
	}
	return w.keep(ctx, s, name, snapshot)
}

func (w *wrapped) ReadStream(ctx context.Context, stream eventstore.Stream, from int64) records {
	if w.closed.Load() {
		return fails(eventstore.ErrClosed)
	}
	return w.unlessClosed(w.stream(ctx, stream, from))
}

func (w *wrapped) ReadCategory(ctx context.Context, category string, start eventstore.Start) records {
	if w.closed.Load() {
		return fails(eventstore.ErrClosed)
	}
	return w.unlessClosed(w.category(ctx, category, start))
}

// unlessClosed yields what all does if the store is open when it is ranged over.
func (w *wrapped) unlessClosed(all records) records {
	return func(yield func(eventstore.Record, error) bool) {
		if w.closed.Load() && !w.outlives {
			yield(eventstore.Record{}, eventstore.ErrClosed)
			return
		}
		all(yield)
	}
}

func (w *wrapped) Follow(ctx context.Context, category string, start eventstore.Start) records {
	if w.closed.Load() {
		return fails(eventstore.ErrClosed)
	}
	until := w.until
	ctx, cancel := context.WithCancelCause(ctx)
	all := w.follow(ctx, category, start)
	return w.unlessClosed(func(yield func(eventstore.Record, error) bool) {
		defer context.AfterFunc(until, func() { cancel(eventstore.ErrClosed) })()
		all(yield)
	})
}

func (w *wrapped) Close() error { return w.close() }

func fails(err error) records {
	return func(yield func(eventstore.Record, error) bool) { yield(eventstore.Record{}, err) }
}

// upTo yields the records up to a version. The stream may have grown since it was read.
func upTo(version eventstore.Expected, all records) records {
	return func(yield func(eventstore.Record, error) bool) {
		for r, err := range all {
			if err == nil && r.AggregateVersion > int64(version) || !yield(r, err) {
				return
			}
		}
	}
}

// changing applies change to every record that is read.
func (w *wrapped) changing(change func(*eventstore.Record)) *wrapped {
	changed := func(in records) records {
		return func(yield func(eventstore.Record, error) bool) {
			for r, err := range in {
				if err == nil {
					change(&r)
				}
				if !yield(r, err) {
					return
				}
			}
		}
	}
	stream, all := w.stream, w.category
	w.stream = func(ctx context.Context, s eventstore.Stream, from int64) records {
		return changed(stream(ctx, s, from))
	}
	w.category = func(ctx context.Context, category string, start eventstore.Start) records {
		return changed(all(ctx, category, start))
	}
	return w
}

// listing reads a category as a whole and yields what change makes of it.
func (w *wrapped) listing(change func(eventstore.Start, []eventstore.Record) []eventstore.Record) *wrapped {
	inner := w.category
	w.category = func(ctx context.Context, category string, start eventstore.Start) records {
		var all []eventstore.Record
		for r, err := range inner(ctx, category, eventstore.Beginning()) {
			if err != nil {
				return fails(err)
			}
			all = append(all, r)
		}
		all = change(start, all)
		return func(yield func(eventstore.Record, error) bool) {
			for _, r := range all {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
	return w
}

// length returns the version of a stream.
func (w *wrapped) length(ctx context.Context, stream eventstore.Stream) int64 {
	n := int64(0)
	for _, err := range w.good.ReadStream(ctx, stream, 1) {
		if err == nil {
			n++
		}
	}
	return n
}

// place names a record.
func place(r eventstore.Record) string {
	return fmt.Sprintf("%s %q %d", r.Category, r.AggregateID, r.AggregateVersion)
}
