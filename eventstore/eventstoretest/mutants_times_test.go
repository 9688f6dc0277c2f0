package eventstoretest_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// given changes the records that are read, by the time that they were given.
func given(change func(r *eventstore.Record, given time.Time)) func(*wrapped) {
	return func(w *wrapped) {
		var mu sync.Mutex
		times := make(map[string]time.Time)
		appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
			mu.Lock()
			for _, r := range a.records {
				times[r.ID] = r.Timestamp
			}
			mu.Unlock()
			return next(a)
		})(w)
		w.changing(func(r *eventstore.Record) {
			mu.Lock()
			defer mu.Unlock()
			if at, ok := times[r.ID]; ok {
				change(r, at)
			}
		})
	}
}

// timesByStream lets times go back between the streams of a partition, but not within a stream.
func timesByStream(w *wrapped) {
	var mu sync.Mutex
	last := make(map[eventstore.Stream]time.Time)
	times := make(map[string]time.Time) // by event id
	committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
		mu.Lock()
		defer mu.Unlock()
		result, err := next(ctx, c)
		if err != nil || result.Repeated {
			return result, err
		}
		for _, r := range c.Records {
			if at := r.Timestamp.UTC(); at.After(last[r.Stream()]) {
				last[r.Stream()] = at
			}
			result.Time = last[r.Stream()]
			times[r.ID] = result.Time
		}
		return result, nil
	})(w)
	w.changing(func(r *eventstore.Record) {
		mu.Lock()
		defer mu.Unlock()
		if at, ok := times[r.ID]; ok && at.Before(r.Timestamp) {
			r.Timestamp = at
		}
	})
}

func timeMutants() []mutant {
	return []mutant{
		{name: "keeps times as they are given", caughtBy: caughtBy(times, model), breaks: given(
			func(r *eventstore.Record, given time.Time) { r.Timestamp = given.UTC() })},
		{name: "lets times be later than now", caughtBy: caughtBy(times), breaks: given(
			func(r *eventstore.Record, given time.Time) {
				if given.After(r.Timestamp) {
					r.Timestamp = given.UTC()
				}
			})},
		{
			name: "counts times by stream, not by partition", caughtBy: caughtBy(times, model, ledgerModel),
			breaks: timesByStream,
		},
		{name: "lets times go back", caughtBy: caughtBy(times, model), breaks: given(
			func(r *eventstore.Record, given time.Time) {
				if given.Before(r.Timestamp) {
					r.Timestamp = given.UTC()
				}
			})},
		{
			name: "forgets the last time when it is closed", caughtBy: caughtBy(closing), config: durable(),
			breaks: func(w *wrapped) {
				w.reopen = func() {
					given(func(r *eventstore.Record, given time.Time) {
						if given.Before(r.Timestamp) {
							r.Timestamp = given.UTC()
						}
					})(w)
				}
			},
		},
		{name: "gives every event the present", caughtBy: caughtBy(times, model), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				a.records = slices.Clone(a.records)
				for i := range a.records {
					if a.records[i].Timestamp.Unix() > 0 {
						a.records[i].Timestamp = time.Date(2261, 1, 1, 0, 0, 0, 0, time.UTC)
					}
				}
				return next(a)
			})},
		{name: "gives each event of a commit a later time", caughtBy: caughtBy(times, model), breaks: changing(
			func(r *eventstore.Record) {
				r.Timestamp = r.Timestamp.Add(time.Duration(r.Commit.Index - 1))
			})},
		{name: "does not say which time it stores", caughtBy: caughtBy(times, model), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				result.Time = time.Time{}
				return result, err
			})},
		{name: "says the time that it was given", caughtBy: caughtBy(times, model), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				if err == nil && !result.Repeated {
					result.Time = a.records[len(a.records)-1].Timestamp
				}
				return result, err
			})},
		{name: "leaves gaps within commits", caughtBy: caughtBy(model, times), breaks: changing(
			func(r *eventstore.Record) { r.Position.Offset *= 2 })},
	}
}

// sameMutants differ from a store on Kafka, or from one in memory, as stores have differed.
func sameMutants() []mutant {
	empty := func(func(eventstore.Record, error) bool) {}
	unlessEmpty := func(ctx context.Context, all records) records {
		return func(yield func(eventstore.Record, error) bool) {
			for r, err := range all {
				if err != nil && ctx.Err() != nil && r.ID == "" {
					return
				}
				if !yield(r, err) {
					return
				}
			}
		}
	}
	return []mutant{
		{name: "keeps revisions in 32 bits and takes more", caughtBy: caughtBy(badInput), breaks: func(w *wrapped) {
			appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				a.records = slices.Clone(a.records)
				for i := range a.records {
					if r := a.records[i].Revision; r > eventstore.MaxRevision {
						a.records[i].Revision = max(1, int(int32(r)))
					}
				}
				return next(a)
			})(w)
		}},
		{name: "yields empty metadata as an empty map", caughtBy: caughtBy(model, limits), breaks: changing(
			func(r *eventstore.Record) {
				if r.Metadata == nil {
					r.Metadata = make(map[string]string)
				}
			})},
		{name: "drops metadata of long names", caughtBy: caughtBy(strangest), breaks: changing(
			func(r *eventstore.Record) {
				r.Metadata = maps.Clone(r.Metadata)
				maps.DeleteFunc(r.Metadata, func(k, _ string) bool { return len(k) == eventstore.MaxIDBytes })
			})},
		{name: "takes every category for an empty one", caughtBy: caughtBy(unknown), breaks: func(w *wrapped) {
			inner := w.category
			w.category = func(ctx context.Context, category string, start eventstore.Start) records {
				if strings.HasPrefix(category, "Nobody") {
					return empty
				}
				return inner(ctx, category, start)
			}
		}},
		{name: "makes the categories that it is asked for", caughtBy: caughtBy(unknown), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				if errors.Is(err, eventstore.ErrInvalid) && eventstore.Check(a.commit(), eventstore.WholeID) == nil {
					return appendResult{
						Streams:  []eventstore.Written{{Stream: a.stream, First: 1, Last: 1}},
						Position: event.Position{Offset: 1},
					}, nil
				}
				return result, err
			})},
		{
			name: "does not look at the context where there is nothing to read", caughtBy: caughtBy(endedContext),
			breaks: streaming(
				func(w *wrapped, ctx context.Context, s eventstore.Stream, from int64) records {
					if w.length(context.WithoutCancel(ctx), s) == 0 {
						return empty
					}
					return w.good.ReadStream(ctx, s, from)
				}),
		},
		{
			name: "does not look at the context where there is nothing new", caughtBy: caughtBy(endedContext),
			breaks: func(w *wrapped) {
				inner := w.category
				w.category = func(ctx context.Context, category string, start eventstore.Start) records {
					return unlessEmpty(ctx, inner(ctx, category, start))
				}
			},
		},
		{name: "goes on reading when it is closed", caughtBy: caughtBy(closing), breaks: func(w *wrapped) {
			w.outlives = true
		}},
		{name: "begins anew behind a cursor that is beyond the end", caughtBy: caughtBy(beyondEnd), breaks: listing(
			func(start eventstore.Start, all []eventstore.Record) []eventstore.Record {
				last := make(eventstore.Cursor)
				for _, r := range all {
					last.Advance(r.Position)
				}
				return slices.DeleteFunc(all, func(r eventstore.Record) bool {
					p := r.Position.Partition
					return seen(start, r) && start.Offset(p) <= last[p]+1
				})
			})},
		{name: "follows from the end where a cursor is beyond it", caughtBy: caughtBy(beyondEnd), breaks: followed(
			func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records {
				end := make(eventstore.Cursor)
				for r, err := range w.good.ReadCategory(ctx, category, eventstore.Beginning()) {
					if err == nil {
						end[r.Position.Partition] = min(r.Position.Offset, start.Offset(r.Position.Partition)-1)
					}
				}
				return w.good.Follow(ctx, category, eventstore.After(end))
			})},
	}
}
