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
	log, offsets, err := s.stream(ctx, stream)
	if err != nil {
		return failed(fmt.Errorf("read %s: %w", stream, err))
	}
	from = min(max(from, 1), int64(len(offsets))+1)
	return func(yield func(eventstore.Record, error) bool) {
		for _, offset := range offsets[from-1:] {
			if !next(ctx, log[offset], yield) {
				return
			}
		}
	}
}

func (s *Store) stream(ctx context.Context, stream eventstore.Stream) ([]eventstore.Record, []int64, error) {
	if err := eventstore.CheckStream(stream); err != nil {
		return nil, nil, err
	}
	partitions, err := s.category(ctx, stream.Type)
	if err != nil || partitions == nil {
		return nil, nil, err
	}
	log, offsets := partitions[s.partitionOf(stream.ID)].stream(stream.ID)
	return log, offsets, nil
}

// ReadCategory yields the records of an aggregate type from start on, as [eventstore.Store] says,
// one partition after the other. The iterator may be ranged over again: it yields the same.
//
// The end of the category is taken partition by partition: of two appends to different partitions
// during the call the later one may be in and the earlier one not.
func (s *Store) ReadCategory(
	ctx context.Context, aggregateType string, start eventstore.Start,
) iter.Seq2[eventstore.Record, error] {
	logs, err := s.logs(ctx, aggregateType, start)
	if err != nil {
		return failed(fmt.Errorf("read all of %s: %w", aggregateType, err))
	}
	return func(yield func(eventstore.Record, error) bool) {
		for _, log := range logs {
			for _, r := range log {
				if !next(ctx, r, yield) {
					return
				}
			}
		}
	}
}

func (s *Store) logs(ctx context.Context, aggregateType string, start eventstore.Start) ([][]eventstore.Record, error) {
	if err := eventstore.CheckType(aggregateType); err != nil {
		return nil, err
	}
	partitions, err := s.category(ctx, aggregateType)
	if err != nil {
		return nil, err
	}
	logs := make([][]eventstore.Record, 0, len(partitions))
	for _, p := range partitions {
		logs = append(logs, p.since(start))
	}
	return logs, nil
}

// next yields r, or the error of ctx if that has ended, and reports whether to go on.
func next(ctx context.Context, r eventstore.Record, yield func(eventstore.Record, error) bool) bool {
	if ctx.Err() != nil {
		yield(eventstore.Record{}, fmt.Errorf("read %s: %w", r.AggregateType, context.Cause(ctx)))
		return false
	}
	return yield(r, nil)
}

// failed is an iterator that yields nothing but err.
func failed(err error) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) { yield(eventstore.Record{}, err) }
}
