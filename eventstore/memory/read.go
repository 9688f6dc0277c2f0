package memory

import (
	"context"
	"fmt"
	"iter"

	"github.com/fencelog/fencelog/eventstore"
)

// ReadStream yields the records of stream from version from on, as [eventstore.Store] says.
// The iterator may be ranged over again: it yields the same.
func (s *Store) ReadStream(
	ctx context.Context, stream eventstore.Stream, from int64,
) iter.Seq2[eventstore.Record, error] {
	log, places, err := s.stream(ctx, stream)
	if err != nil {
		return failed(fmt.Errorf("read %s: %w", stream, err))
	}
	from = min(max(from, 1), int64(len(places))+1)
	return s.while(ctx, stream.String(), func(yield func(eventstore.Record) bool) {
		for _, i := range places[from-1:] {
			if !yield(log[i]) {
				return
			}
		}
	})
}

func (s *Store) stream(ctx context.Context, stream eventstore.Stream) ([]eventstore.Record, []int, error) {
	if err := eventstore.CheckStream(stream); err != nil {
		return nil, nil, err
	}
	partitions, err := s.category(ctx, stream.Category)
	if err != nil {
		return nil, nil, err
	}
	log, places := partitions[s.partitionOf(stream.ID)].stream(stream.ID)
	return log, places, nil
}

// ReadCategory yields the records of a category from start on, as [eventstore.Store] says,
// one partition after the other. The iterator may be ranged over again: it yields the same.
//
// The end of the category is taken partition by partition: of two appends to different partitions
// during the call the later one may be in and the earlier one not.
func (s *Store) ReadCategory(
	ctx context.Context, category string, start eventstore.Start,
) iter.Seq2[eventstore.Record, error] {
	logs, err := s.logs(ctx, category, start)
	if err != nil {
		return failed(fmt.Errorf("read all of %s: %w", category, err))
	}
	return s.while(ctx, category, func(yield func(eventstore.Record) bool) {
		for _, log := range logs {
			for _, r := range log {
				if !yield(r) {
					return
				}
			}
		}
	})
}

func (s *Store) logs(ctx context.Context, category string, start eventstore.Start) ([][]eventstore.Record, error) {
	partitions, err := s.category(ctx, category)
	if err != nil {
		return nil, err
	}
	logs := make([][]eventstore.Record, 0, len(partitions))
	for _, p := range partitions {
		logs = append(logs, p.since(start))
	}
	return logs, nil
}

// while yields the records as long as ctx lasts and the store is open, and otherwise the error, once. Where there is no record it is
// yielded too.
func (s *Store) while(ctx context.Context, what string, records iter.Seq[eventstore.Record]) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		err := s.over(ctx)
		if err == nil {
			for r := range records {
				if err = s.over(ctx); err != nil {
					break
				}
				if !yield(r, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(eventstore.Record{}, fmt.Errorf("read %s: %w", what, err))
		}
	}
}

// failed is an iterator that yields nothing but err.
func failed(err error) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) { yield(eventstore.Record{}, err) }
}
