package memory

import (
	"context"
	"fmt"
	"iter"

	"github.com/fencelog/fencelog/eventstore"
)

// Follow yields the records of a category from start on, and then what is appended, as
// [eventstore.Store] says. The iterator may be ranged over again.
func (s *Store) Follow(
	ctx context.Context, category string, start eventstore.Start,
) iter.Seq2[eventstore.Record, error] {
	partitions, err := s.category(ctx, category)
	if err != nil {
		return failed(fmt.Errorf("follow %s: %w", category, err))
	}
	starts := make([]eventstore.Start, len(partitions))
	for i, p := range partitions {
		starts[i] = start
		if start.AtEnd() {
			starts[i] = eventstore.After(eventstore.Cursor{p.number: p.end() - 1})
		}
	}
	return func(yield func(eventstore.Record, error) bool) {
		if err := s.follow(ctx, partitions, starts, yield); err != nil {
			yield(eventstore.Record{}, fmt.Errorf("follow %s: %w", category, err))
		}
	}
}

// follow returns nil when the loop breaks, and otherwise the error that ends it.
func (s *Store) follow(
	ctx context.Context, partitions []*partition, starts []eventstore.Start, yield func(eventstore.Record, error) bool,
) error {
	woken := make(chan struct{}, 1)
	defer partitions[0].moved.Listen(woken)()
	from := make([]eventstore.Start, len(starts))
	copy(from, starts)
	for {
		if err := s.over(ctx); err != nil {
			return err
		}
		for i, p := range partitions {
			for _, r := range p.since(from[i]) {
				if err := s.over(ctx); err != nil {
					return err
				}
				if !yield(r, nil) {
					return nil
				}
				from[i] = eventstore.After(eventstore.Cursor{p.number: r.Position.Offset})
			}
		}
		select {
		case <-woken:
		case <-ctx.Done():
		}
	}
}
