package eventstoretest_test

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

func changing(change func(*eventstore.Record)) func(*wrapped) {
	return func(w *wrapped) { w.changing(change) }
}

func recordMutants() []mutant {
	return []mutant{
		{
			name: "drops metadata", caughtBy: caughtBy(model, strangest),
			breaks: changing(func(r *eventstore.Record) { r.Metadata = nil }),
		},
		{name: "drops empty metadata values", caughtBy: caughtBy(model), breaks: changing(func(r *eventstore.Record) {
			r.Metadata = maps.Clone(r.Metadata)
			maps.DeleteFunc(r.Metadata, func(_, v string) bool { return v == "" })
		})},
		{name: "truncates times to milliseconds", caughtBy: caughtBy(model, times), breaks: changing(
			func(r *eventstore.Record) { r.Timestamp = r.Timestamp.Truncate(time.Millisecond) })},
		{name: "yields times in a zone", caughtBy: caughtBy(model), breaks: changing(
			func(r *eventstore.Record) { r.Timestamp = r.Timestamp.In(time.FixedZone("UTC", 0)) })},
		{name: "trims values", caughtBy: caughtBy(model), breaks: changing(
			func(r *eventstore.Record) {
				r.Value = slices.Clone(slices.DeleteFunc(slices.Clone(r.Value), func(b byte) bool { return b == 0 }))
			})},
		{name: "keeps revisions in a byte", caughtBy: caughtBy(model, strangest), breaks: changing(
			func(r *eventstore.Record) { r.Revision = int(byte(r.Revision)) })},
		{name: "drops control characters", caughtBy: caughtBy(strangest), breaks: changing(
			func(r *eventstore.Record) { r.ActorID = strings.ReplaceAll(r.ActorID, "\x00", "") })},
		{name: "forgets which records were a commit", caughtBy: caughtBy(model, anyWins), breaks: changing(
			func(r *eventstore.Record) { r.Commit = eventstore.CommitPart{Index: 1, Size: 1} })},
		{name: "mixes up correlation and causation", caughtBy: caughtBy(model), breaks: changing(
			func(r *eventstore.Record) { r.CorrelationID, r.CausationID = r.CausationID, r.CorrelationID })},
		{name: "puts everything at one position", caughtBy: caughtBy(model), breaks: changing(
			func(r *eventstore.Record) { r.Position.Offset = 0 })},
	}
}

func streaming(replace func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records) func(*wrapped) {
	return func(w *wrapped) {
		w.stream = func(ctx context.Context, s eventstore.Stream, from int64) records {
			return replace(w, ctx, s, from)
		}
	}
}

func streamMutants() []mutant {
	return []mutant{
		{name: "reads from the version after", caughtBy: caughtBy(model, fromVersion), breaks: streaming(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records {
				return w.good.ReadStream(ctx, s, max(1, from)+1)
			})},
		{name: "reads from the version before", caughtBy: caughtBy(model, fromVersion), breaks: streaming(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records {
				return w.good.ReadStream(ctx, s, max(from, 0)-1)
			})},
		{name: "begins to read when it is ranged over", caughtBy: caughtBy(asOfCall), breaks: streaming(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records {
				return func(yield func(eventstore.Record, error) bool) { w.good.ReadStream(ctx, s, from)(yield) }
			})},
		{name: "can be ranged over once", caughtBy: caughtBy(asOfCall, breaks), breaks: streaming(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records {
				done, all := false, w.good.ReadStream(ctx, s, from)
				return func(yield func(eventstore.Record, error) bool) {
					if !done {
						done = true
						all(yield)
					}
				}
			})},
	}
}

func loopMutants() []mutant {
	return []mutant{
		{name: "goes on when the loop has ended", caughtBy: caughtBy(breaks), breaks: streaming(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records {
				return func(yield func(eventstore.Record, error) bool) {
					w.good.ReadStream(ctx, s, from)(func(r eventstore.Record, err error) bool {
						yield(r, err)
						return true
					})
				}
			})},
		{name: "falls silent when it is cancelled", caughtBy: caughtBy(cancelled), breaks: streaming(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records {
				return withoutErrors(w.good.ReadStream(ctx, s, from))
			})},
		{name: "yields an error twice", caughtBy: caughtBy(cancelled, endedContext), breaks: streaming(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records {
				return func(yield func(eventstore.Record, error) bool) {
					for r, err := range w.good.ReadStream(ctx, s, from) {
						if !yield(r, err) || err != nil && !yield(r, err) {
							return
						}
					}
				}
			})},
		{name: "fails with another error when it is cancelled", caughtBy: caughtBy(cancelled), breaks: streaming(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records {
				return func(yield func(eventstore.Record, error) bool) {
					for r, err := range w.good.ReadStream(ctx, s, from) {
						if errors.Is(err, context.Canceled) {
							err = errors.New("interrupted")
						}
						if !yield(r, err) {
							return
						}
					}
				}
			})},
		{
			name: "locks out writers while it is ranged over", caughtBy: caughtBy(unblocked), breaks: locking,
			config: impatient(),
		},
	}
}

func nameMutants() []mutant {
	return []mutant{
		{name: "reads streams with bad names as empty", caughtBy: caughtBy(badInput), breaks: streaming(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records {
				if eventstore.CheckStream(s, eventstore.WholeID) != nil {
					return func(func(eventstore.Record, error) bool) {}
				}
				return w.good.ReadStream(ctx, s, from)
			})},
		{
			name: "takes ids in upper and lower case for the same", caughtBy: caughtBy(similarNames),
			breaks: renaming(strings.ToLower),
		},
		{name: "trims ids", caughtBy: caughtBy(similarNames), breaks: renaming(strings.TrimSpace)},
		{name: "ends ids at a zero byte", caughtBy: caughtBy(similarNames), breaks: renaming(func(id string) string {
			before, _, _ := strings.Cut(id, "\x00")
			return before
		})},
		{name: "forgets the category", caughtBy: caughtBy(similarNames), breaks: func(w *wrapped) {
			appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				a.stream.Category = "One"
				return next(a)
			})(w)
			w.stream = func(ctx context.Context, s eventstore.Stream, from int64) records {
				s.Category = "One"
				return w.good.ReadStream(ctx, s, from)
			}
			w.category = func(ctx context.Context, _ string, start eventstore.Start) records {
				return w.good.ReadCategory(ctx, "One", start)
			}
		}},
	}
}

func withoutErrors(all records) records {
	return func(yield func(eventstore.Record, error) bool) {
		for r, err := range all {
			if err != nil || !yield(r, nil) {
				return
			}
		}
	}
}

// locking uses one lock for all. A caller that waits for it gives up when its context ends.
func locking(w *wrapped) {
	lock := make(chan struct{}, 1)
	appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
		select {
		case lock <- struct{}{}:
			defer func() { <-lock }()
			return next(a)
		case <-a.ctx.Done():
			return appendResult{}, a.ctx.Err()
		}
	})(w)
	stream := w.stream
	w.stream = func(ctx context.Context, s eventstore.Stream, from int64) records {
		all := stream(ctx, s, from)
		return func(yield func(eventstore.Record, error) bool) {
			lock <- struct{}{}
			defer func() { <-lock }()
			all(yield)
		}
	}
}

// renaming stores streams under other ids than they are given.
func renaming(rename func(string) string) func(*wrapped) {
	return func(w *wrapped) {
		appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
			a.stream.ID = rename(a.stream.ID)
			return next(a)
		})(w)
		stream := w.stream
		w.stream = func(ctx context.Context, s eventstore.Stream, from int64) records {
			s.ID = rename(s.ID)
			return stream(ctx, s, from)
		}
	}
}

func listing(change func(eventstore.Start, []eventstore.Record) []eventstore.Record) func(*wrapped) {
	return func(w *wrapped) { w.listing(change) }
}

func seen(start eventstore.Start, r eventstore.Record) bool {
	return r.Position.Offset < start.Offset(r.Position.Partition)
}

func categoryMutants() []mutant {
	return []mutant{
		{name: "yields the last record that a cursor has seen", caughtBy: caughtBy(model, resumes), breaks: listing(
			func(start eventstore.Start, all []eventstore.Record) []eventstore.Record {
				return slices.DeleteFunc(all, func(r eventstore.Record) bool {
					return r.Position.Offset+1 < start.Offset(r.Position.Partition)
				})
			})},
		{name: "skips the first record behind a cursor", caughtBy: caughtBy(model, resumes), breaks: listing(
			func(start eventstore.Start, all []eventstore.Record) []eventstore.Record {
				return slices.DeleteFunc(all, func(r eventstore.Record) bool {
					first := start.Offset(r.Position.Partition)
					return seen(start, r) || first > 0 && r.Position.Offset == first
				})
			})},
		{
			name: "takes partitions that a cursor does not name as read", caughtBy: caughtBy(resumes, rereads),
			breaks: listing(
				func(start eventstore.Start, all []eventstore.Record) []eventstore.Record {
					return slices.DeleteFunc(all, func(r eventstore.Record) bool {
						return seen(start, r) || start.Offset(r.Position.Partition) == 0 && r.Position.Offset > 0
					})
				}),
		},
		{
			name:     "ends a category amid a commit while appends are under way",
			caughtBy: caughtBy(anyWins, oneWins, bank),
			breaks: func(w *wrapped) {
				var underWay atomic.Int64
				appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
					underWay.Add(1)
					defer underWay.Add(-1)
					runtime.Gosched()
					return next(a)
				})(w)
				w.listing(func(start eventstore.Start, all []eventstore.Record) []eventstore.Record {
					all = slices.DeleteFunc(all, func(r eventstore.Record) bool { return seen(start, r) })
					if n := len(all); n > 0 && all[n-1].Commit.Size > 1 && underWay.Load() > 0 {
						all = all[:n-1]
					}
					return all
				})
			},
		},
		{name: "yields a category backwards", caughtBy: caughtBy(model, rereads), breaks: listing(
			func(start eventstore.Start, all []eventstore.Record) []eventstore.Record {
				all = slices.DeleteFunc(all, func(r eventstore.Record) bool { return seen(start, r) })
				slices.Reverse(all)
				return all
			})},
		{name: "loses a record when it is read again", caughtBy: caughtBy(rereads), breaks: func(w *wrapped) {
			var reads atomic.Int64
			w.listing(func(start eventstore.Start, all []eventstore.Record) []eventstore.Record {
				all = slices.DeleteFunc(all, func(r eventstore.Record) bool { return seen(start, r) })
				if reads.Add(1) > 2 && len(all) > 0 {
					all = all[1:]
				}
				return all
			})
		}},
		{
			name: "begins to read a category when it is ranged over", caughtBy: caughtBy(asOfCall),
			breaks: func(w *wrapped) {
				w.category = func(ctx context.Context, category string, start eventstore.Start) records {
					return func(yield func(eventstore.Record, error) bool) {
						w.good.ReadCategory(ctx, category, start)(yield)
					}
				}
			},
		},
		{
			name: "falls silent amid a category when it is cancelled", caughtBy: caughtBy(cancelled),
			breaks: func(w *wrapped) {
				w.category = func(ctx context.Context, category string, start eventstore.Start) records {
					return withoutErrors(w.good.ReadCategory(ctx, category, start))
				}
			},
		},
		{name: "ignores the context of a read", caughtBy: caughtBy(endedContext), breaks: func(w *wrapped) {
			w.category = func(ctx context.Context, category string, start eventstore.Start) records {
				return w.good.ReadCategory(context.WithoutCancel(ctx), category, start)
			}
		}},
	}
}

// sinceBy yields the records that start lets through by its cursor, and by its time if yields says
// so.
func sinceBy(yields func(since time.Time, r eventstore.Record, begun bool) bool) func(*wrapped) {
	return listing(func(start eventstore.Start, all []eventstore.Record) []eventstore.Record {
		begun := make(map[int32]bool)
		return slices.DeleteFunc(all, func(r eventstore.Record) bool {
			if start.Time().IsZero() {
				return seen(start, r)
			}
			p := r.Position.Partition
			ok := yields(start.Time(), r, begun[p])
			begun[p] = begun[p] || ok
			return !ok
		})
	})
}

func sinceMutants() []mutant {
	return []mutant{
		{name: "ignores the time since", caughtBy: caughtBy(model, since), breaks: sinceBy(
			func(time.Time, eventstore.Record, bool) bool { return true })},
		{name: "begins after the time since", caughtBy: caughtBy(since), breaks: sinceBy(
			func(since time.Time, r eventstore.Record, begun bool) bool {
				return begun || r.Timestamp.UnixMilli() > since.UnixMilli()
			})},
		{name: "takes -1 ms for the end and -2 ms for the beginning", caughtBy: caughtBy(since), breaks: sinceBy(
			func(since time.Time, r eventstore.Record, begun bool) bool {
				return since.UnixMilli() != -1 && (begun || r.Timestamp.UnixMilli() >= since.UnixMilli())
			})},
		{name: "knows no times beyond 2038", caughtBy: caughtBy(since), breaks: sinceBy(
			func(since time.Time, r eventstore.Record, begun bool) bool {
				return begun || int32(r.Timestamp.Unix()) >= int32(since.Unix())
			})},
	}
}

func closingMutants() []mutant {
	lostAtEnd := func(w *wrapped) {
		w.reopen = func() {
			stream := w.stream
			w.stream = func(ctx context.Context, s eventstore.Stream, from int64) records {
				n := w.length(ctx, s)
				return func(yield func(eventstore.Record, error) bool) {
					for r, err := range stream(ctx, s, from) {
						if err == nil && r.AggregateVersion == n || !yield(r, err) {
							return
						}
					}
				}
			}
		}
	}
	return []mutant{
		{
			name: "does not close", caughtBy: caughtBy(closing),
			breaks: func(w *wrapped) { w.close = func() error { return nil } },
		},
		{name: "cannot be closed twice", caughtBy: caughtBy(closing), breaks: func(w *wrapped) {
			inner := w.close
			w.close = func() error {
				if w.closed.Load() {
					return eventstore.ErrClosed
				}
				return inner()
			}
		}},
		{name: "loses the end of a stream", caughtBy: caughtBy(closing), config: durable(), breaks: lostAtEnd},
		{
			name: "forgets commands when it is closed", caughtBy: caughtBy(closing), config: durable(),
			breaks: func(w *wrapped) {
				w.reopen = func() { forgetful(w) }
			},
		},
		{name: "refuses what it has stored", caughtBy: caughtBy(closing), config: durable(), breaks: func(w *wrapped) {
			inner, stored := w.close, w.append
			w.close = func() error {
				w.gate.Lock()
				w.append = func(ctx context.Context, c eventstore.Commit) (appendResult, error) {
					_, _ = stored(ctx, c)
					return appendResult{}, eventstore.ErrClosed
				}
				w.gate.Unlock()
				return inner()
			}
		}},
	}
}
