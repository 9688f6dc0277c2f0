package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fencelog/fencelog/eventstore"
)

// absent reports whether there is certainly no such stream, without a look into the database.
func (p *Partition) absent(aggregateID string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.unknown(aggregateID)
}

// unknown is absent with p.mu held.
func (p *Partition) unknown(aggregateID string) bool {
	return p.learned && !p.known.mayHave(aggregateID)
}

// At returns the record of the stream at a version, and whether there is one.
func (p *Partition) At(aggregateID string, version int64) (eventstore.Record, bool, error) {
	records, err := p.read(aggregateID, version, version)
	if err != nil || len(records) == 0 {
		return eventstore.Record{}, false, err
	}
	return records[0], true, nil
}

// use calls f with the database while the store is open. f must not call back into the store.
func (p *Partition) use(f func(*pebble.DB) error) error { return p.wrap(p.store.use(f)) }

// get calls use with the value of the key, unless there is none.
func get(db *pebble.DB, key []byte, use func([]byte) error) error {
	value, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer closer.Close()
	return use(value)
}

// chunk bounds the records that are read at once: no caller's loop runs while the database is in
// use.
const chunk = 256

// Stream yields the records of the stream from a version on, up to the version it has now. An error
// is yielded once, as the last pair.
func (p *Partition) Stream(aggregateID string, from int64) iter.Seq2[eventstore.Record, error] {
	records, _, err := p.End(aggregateID, from)
	if err != nil {
		return func(yield func(eventstore.Record, error) bool) { yield(eventstore.Record{}, err) }
	}
	return records
}

// End returns the version of the stream, and its records from version from up to that one.
func (p *Partition) End(
	aggregateID string, from int64,
) (records iter.Seq2[eventstore.Record, error], version int64, err error) {
	if from > 1 { // often there is nothing behind it
		version, err = p.Version(aggregateID)
		return p.Range(aggregateID, from, version), version, err
	}
	// For most streams one look-up is enough: the records that it reads end where the stream ends
	// now.
	first, err := p.read(aggregateID, 1, chunk)
	if version = int64(len(first)); err == nil && version == chunk {
		version, err = p.Version(aggregateID)
	}
	return func(yield func(eventstore.Record, error) bool) {
		for _, r := range first {
			if !yield(r, nil) {
				return
			}
		}
		for r, err := range p.Range(aggregateID, int64(len(first))+1, version) {
			if !yield(r, err) {
				return
			}
		}
	}, version, err
}

// Range yields the records of the stream from one version to another. The stream must have them
// all. An error is yielded once, as the last pair.
func (p *Partition) Range(aggregateID string, from, end int64) iter.Seq2[eventstore.Record, error] {
	from = max(from, 1)
	return func(yield func(eventstore.Record, error) bool) {
		for next := from; next <= end; next += chunk {
			records, err := p.read(aggregateID, next, min(next+chunk-1, end))
			if found := next + int64(len(records)) - 1; err == nil && found < min(next+chunk-1, end) {
				err = p.wrap(ends(aggregateID, found, end))
			}
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
			if err != nil {
				yield(eventstore.Record{}, err)
				return
			}
		}
	}
}

// read returns the records of the stream from one version, 1 or later, to another, or to its end.
func (p *Partition) read(aggregateID string, from, to int64) (records []eventstore.Record, err error) {
	err = p.use(func(db *pebble.DB) error {
		encoded, first, generation := p.recentRecords(aggregateID, from, to)
		if first == 0 && p.absent(aggregateID) {
			return nil
		}
		if first == 0 || from < first {
			end := to
			if first > 0 {
				end = min(to, first-1)
			}
			saved := savedRead{
				aggregateID: aggregateID, from: from, to: end, generation: generation,
				isEnd: first > 0 && end == first-1,
			}
			if records, err = p.readSaved(db, saved, len(encoded)); err != nil {
				return err
			}
			if found := from + int64(len(records)) - 1; first > 0 && found < end {
				return ends(aggregateID, found, end)
			}
		}
		records = slices.Grow(records, len(encoded))
		for _, value := range encoded {
			r, err := p.record(aggregateID, from+int64(len(records)), value)
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		return nil
	})
	return records, err
}

// recentRecords returns those of the records that are recent, encoded, and the first version of the
// stream that is recent; 0 if none is. It also returns the generation of the answers.
func (p *Partition) recentRecords(
	aggregateID string, from, to int64,
) (encoded [][]byte, first int64, generation uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, r := range [...]*recent{p.older, p.newest} {
		if r == nil {
			continue
		}
		s := r.streams.find(aggregateID)
		if s == nil {
			continue
		}
		if first == 0 {
			first = s.from
		}
		for version := max(from, s.from); version <= min(to, s.last()); version++ {
			encoded = append(encoded, s.at(version))
		}
	}
	return encoded, first, p.answers.generation
}

// savedRead is a read of records that are saved.
type savedRead struct {
	aggregateID string
	from, to    int64
	isEnd       bool   // all behind to is recent
	generation  uint64 // of the answers, before the database is read
}

// readSaved returns the records. The slice has room for more behind them. If it reads a stream from
// its beginning, it remembers what the database says of the stream: a command comes next.
func (p *Partition) readSaved(db *pebble.DB, r savedRead, room int) ([]eventstore.Record, error) {
	aggregateID, from, to := r.aggregateID, r.from, r.to
	var few [usualLength]place
	var g gathered
	places := few[:0]
	err := p.places(db, aggregateID, to, func(found place) bool {
		if from == 1 {
			g.add(found)
		}
		places = append(places, found.unmarked())
		return found.from > from
	})
	if err != nil || len(places) == 0 || places[0].last() < from {
		return nil, err
	}
	if from == 1 && !g.long && (g.version < to || r.isEnd && g.version == to) {
		g.marked = true
		p.learnStream(r.generation, aggregateID, g.savedStream)
	}
	records := make([]eventstore.Record, 0, min(to, places[0].last())-from+1+int64(room))
	for _, place := range slices.Backward(places) {
		err := p.chunk(aggregateID, place, func(version int64, encoded []byte) error {
			if version < from || version > to {
				return nil
			}
			r, err := p.record(aggregateID, from+int64(len(records)), encoded)
			records = append(records, r)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return records, nil
}

// usualLength is the number of chunks that most streams have at most.
const usualLength = 16

func (p *Partition) record(aggregateID string, version int64, value []byte) (eventstore.Record, error) {
	r, err := decodeRecord(value)
	if err == nil && r.AggregateVersion != version {
		err = fmt.Errorf("%w: found version %d", errBroken, r.AggregateVersion)
	}
	if err != nil {
		return r, fmt.Errorf("version %d of stream %q: %w", version, aggregateID, err)
	}
	r.AggregateID = aggregateID
	r.Position.Partition = p.partition
	return r, nil
}

// ends is the error of a stream that lacks records.
func ends(aggregateID string, found, want int64) error {
	return fmt.Errorf("%w: stream %q ends at version %d, expected %d", errBroken, aggregateID, found, want)
}

// longestRange bounds the length of a range that is kept. A range that begins before an offset may
// reach beyond it, so a look begins longestRange before the offset. No batch has more offsets: it
// would not fit into a request.
const longestRange = 1 << 20

// Skipped returns the records from one offset to before another that do not count, in order. Ranges
// that touch are one, up to a bound. The first and the last range may reach beyond the offsets. A
// call costs what the ranges between the offsets cost, however many there are in all.
func (p *Partition) Skipped(from, end int64) ([]Range, error) {
	var found, last []Range
	err := p.use(func(db *pebble.DB) error {
		last = p.recentSkipped(from, end)
		it, err := db.NewIter(&pebble.IterOptions{
			LowerBound: appendSkipped(nil, p.slot, max(from-longestRange, 0)),
			UpperBound: appendSkipped(nil, p.slot, end),
		})
		if err != nil {
			return err
		}
		defer func() { _ = it.Close() }() // its error was asked for
		for ok := it.First(); ok; ok = it.Next() {
			value, err := it.ValueAndErr()
			if err != nil {
				return err
			}
			n := numbers{left: value}
			key := it.Key()
			x := Range{Offset: int64(binary.BigEndian.Uint64(key[len(key)-8:])), Length: int(n.next())}
			if err := n.end(); err != nil {
				return err
			}
			if x.End() > from {
				found = appendRange(found, x)
			}
		}
		return it.Error()
	})
	for _, x := range last {
		saved := len(found) > 0 && x.Offset < found[len(found)-1].End() // meanwhile
		if !saved {
			found = appendRange(found, x)
		}
	}
	return found, err
}

// appendRange appends a range that comes after the others, or makes the last one longer if they
// touch.
func appendRange(ranges []Range, x Range) []Range {
	if n := len(ranges); n > 0 {
		if last := &ranges[n-1]; last.End() == x.Offset && last.Length+x.Length <= longestRange {
			last.Length += x.Length
			return ranges
		}
	}
	return append(ranges, x)
}

// recentSkipped returns the ranges that are recent and have offsets from one to before another.
func (p *Partition) recentSkipped(from, end int64) []Range {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var found []Range
	for _, r := range [...]*recent{p.older, p.newest} {
		if r != nil {
			found = append(found, within(r.skipped, from, end)...)
		}
	}
	return found
}

// within returns the ranges that have offsets from one to before another.
func within(ranges []Range, from, end int64) []Range {
	first := sort.Search(len(ranges), func(i int) bool { return ranges[i].End() > from })
	ranges = ranges[first:]
	return ranges[:sort.Search(len(ranges), func(i int) bool { return ranges[i].Offset >= end })]
}

// wrap says which index an error is of, and what to do about a folder that is damaged.
func (p *Partition) wrap(err error) error {
	if err == nil {
		return nil
	}
	var unusable *UnusableError
	switch {
	case errors.As(err, &unusable): // it is about all partitions, and says enough
		return unusable
	case errors.Is(err, errBroken), pebble.IsCorruptionError(err):
		return fmt.Errorf(
			"index of %s partition %d: %w; the index is broken; delete its folder, it is made again from the topics",
			p.topic, p.partition, err)
	default:
		return fmt.Errorf("index of %s partition %d: %w", p.topic, p.partition, err)
	}
}
