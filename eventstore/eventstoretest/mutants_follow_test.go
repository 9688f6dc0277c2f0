package eventstoretest_test

import (
	"context"
	"sync/atomic"

	"github.com/fencelog/fencelog/eventstore"
)

func followed(
	replace func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records,
) func(*wrapped) {
	return func(w *wrapped) {
		w.follow = func(ctx context.Context, category string, start eventstore.Start) records {
			return replace(w, ctx, category, start)
		}
	}
}

// filtered follows, and yields the pairs that keep lets through.
func filtered(all records, keep func(eventstore.Record, error) bool) records {
	return func(yield func(eventstore.Record, error) bool) {
		for r, err := range all {
			if keep(r, err) && !yield(r, err) {
				return
			}
		}
	}
}

func followMutants() []mutant {
	return []mutant{
		{name: "stops following at the end", caughtBy: caughtBy(following), breaks: followed(
			func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records {
				return w.good.ReadCategory(ctx, category, start)
			})},
		{name: "never wakes who follows", caughtBy: caughtBy(following), config: impatient(), breaks: followed(
			func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records {
				return func(yield func(eventstore.Record, error) bool) {
					w.good.ReadCategory(ctx, category, start)(yield)
					<-ctx.Done()
				}
			})},
		{name: "loses one wake-up of fifty", caughtBy: caughtBy(following), config: impatient(), breaks: followed(
			func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records {
				var n atomic.Int64
				return filtered(w.good.Follow(ctx, category, start),
					func(eventstore.Record, error) bool { return n.Add(1)%50 != 0 })
			})},
		{name: "yields what it follows twice", caughtBy: caughtBy(following), breaks: followed(
			func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records {
				return func(yield func(eventstore.Record, error) bool) {
					for r, err := range w.good.Follow(ctx, category, start) {
						if !yield(r, err) || err == nil && !yield(r, nil) {
							return
						}
					}
				}
			})},
		{
			name: "follows from the beginning wherever it is to start", caughtBy: caughtBy(following, fromEnd),
			breaks: followed(
				func(w *wrapped, ctx context.Context, category string, _ eventstore.Start) records {
					return w.good.Follow(ctx, category, eventstore.Beginning())
				}),
		},
		{
			name: "takes the end when it is ranged over", caughtBy: caughtBy(fromEnd), config: impatient(),
			breaks: followed(
				func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records {
					return func(yield func(eventstore.Record, error) bool) {
						w.good.Follow(ctx, category, start)(yield)
					}
				}),
		},
		{name: "follows from now instead of a later time", caughtBy: caughtBy(followSince), breaks: followed(
			func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records {
				if !start.Time().IsZero() {
					start = eventstore.End()
				}
				return w.good.Follow(ctx, category, start)
			})},
		{
			name: "falls silent when a follow is cancelled", caughtBy: caughtBy(unfollowed, endedContext),
			breaks: followed(
				func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records {
					return withoutErrors(w.good.Follow(ctx, category, start))
				}),
		},
		{name: "falls silent when it is closed under a follow", caughtBy: caughtBy(closing), breaks: followed(
			func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records {
				return withoutErrors(w.good.Follow(ctx, category, start))
			})},
	}
}
