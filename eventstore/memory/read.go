package memory

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/fencelog/fencelog/eventstore"
)

// ReadStream yields the records of stream from version from on, as [eventstore.Store] says. The
// iterator may be ranged over again: it yields the same.
func (s *Store) ReadStream(
	ctx context.Context, stream eventstore.Stream, from int64,
) iter.Seq2[eventstore.Record, error] {
	records, _ := s.readFrom(ctx, stream, from, nil)
	return records
}

// ReadQueued yields what is stored, because nothing is ever queued. The expectation has the version
// that the stream has now.
func (s *Store) ReadQueued(
	ctx context.Context, after eventstore.Expectation, with ...eventstore.Expectation,
) (iter.Seq2[eventstore.Record, error], eventstore.Expectation) {
	stream := after.Stream
	if _, err := s.tips([]eventstore.Expectation{after}); err != nil {
		return failed(fmt.Errorf("read %s: %w", stream, err)), eventstore.Expectation{Stream: stream, Version: unread}
	}
	return s.readFrom(ctx, stream, min(max(int64(after.Version), 0), math.MaxInt64-1)+1, with)
}

func (s *Store) readFrom(
	ctx context.Context, stream eventstore.Stream, from int64, with []eventstore.Expectation,
) (iter.Seq2[eventstore.Record, error], eventstore.Expectation) {
	at := eventstore.Expectation{Stream: stream, Version: unread}
	log, places, before, err := s.read(ctx, stream, with)
	if err != nil {
		return failed(fmt.Errorf("read %s: %w", stream, err)), at
	}
	at.Version = eventstore.Expected(len(places))
	at.Tip = &tip{store: s, stream: stream, version: at.Version, with: before}
	from = min(max(from, 1), int64(len(places))+1)
	return s.while(ctx, stream.String(), func(yield func(eventstore.Record) bool) {
		for _, i := range places[from-1:] {
			if !yield(log[i]) {
				return
			}
		}
	}), at
}

// read returns the log, and the places in it of a stream's records, unless something has been
// stored behind what was read before.
func (s *Store) read(
	ctx context.Context, stream eventstore.Stream, with []eventstore.Expectation,
) (log []eventstore.Record, places []int, before []*tip, err error) {
	p, err := s.streamsPartition(ctx, stream)
	if err != nil {
		return nil, nil, nil, err
	}
	if before, err = s.tipsWith(stream, with); err != nil {
		return nil, nil, nil, err
	}
	log, places, err = p.read(stream.ID, with)
	return log, places, before, err
}

// tip says that a stream stood at a version when it was read. Nothing is queued here, so a check
// asks for no more.
type tip struct {
	store   *Store
	stream  eventstore.Stream
	version eventstore.Expected
	with    []*tip // those that were read before, and stood as they were read when this one was
}

// tips returns the tips of the expectations, with nil for those that have none. It fails if one is
// not what ReadQueued returned.
func (s *Store) tips(expect []eventstore.Expectation) ([]*tip, error) {
	tips := make([]*tip, len(expect))
	for i, e := range expect {
		if e.Tip == nil {
			continue
		}
		t, ok := e.Tip.(*tip)
		if !ok || t.store != s || t.stream != e.Stream || t.version != e.Version {
			return nil, &eventstore.InvalidError{
				Field: "expectation of " + e.Stream.String(),
				Found: "a tip that is not of this store, stream and version",
				Want:  "what ReadQueued of this store returned, unchanged",
			}
		}
		tips[i] = t
	}
	return tips, nil
}

// tipsWith returns the tips of streams that were read before, for a decision that looks at this
// one, too.
func (s *Store) tipsWith(stream eventstore.Stream, with []eventstore.Expectation) ([]*tip, error) {
	if len(with) == 0 {
		return nil, nil
	}
	if err := eventstore.CheckTogether(stream, with, s.keys[stream.Category]); err != nil {
		return nil, err
	}
	return s.tips(with)
}

// readTogether reports whether all the streams stood as they were read at one moment: when the last
// of them was read.
func readTogether(tips []*tip) bool {
	return slices.ContainsFunc(tips, func(last *tip) bool {
		return !slices.ContainsFunc(tips, func(t *tip) bool {
			return last == nil || t == nil || t != last && !slices.Contains(last.with, t)
		})
	})
}

// unread is the expectation of a stream that could not be read. No stream ever stands there.
const unread = eventstore.Expected(math.MaxInt64)

// ReadCategory yields the records of a category from start on, as [eventstore.Store] says, one
// partition after the other. The iterator may be ranged over again: it yields the same.
//
// The store takes the end of the category partition by partition. Of two appends to different
// partitions during the call, the read may have the later one and not the earlier one.
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

// while yields the records as long as ctx lasts and the store is open. Otherwise it yields the
// error, once, even if there is no record.
func (s *Store) while(
	ctx context.Context, what string, records iter.Seq[eventstore.Record],
) iter.Seq2[eventstore.Record, error] {
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

// failed returns an iterator that yields nothing but err.
func failed(err error) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) { yield(eventstore.Record{}, err) }
}
