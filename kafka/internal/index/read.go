package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// recentOf calls use with what is recent of the partition, what is newest first, until it returns true.
func (p *Partition) recentOf(use func(*recent) bool) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return use(p.newest) || p.older != nil && use(p.older)
}

// Version returns the version of the stream: the number of its events.
func (p *Partition) Version(aggregateID string) (version int64, err error) {
	err = p.use(func(db *pebble.DB) error {
		var certain bool
		if version, certain = p.versionInMemory(aggregateID); certain {
			return nil
		}
		p.learning.Do(func() { p.store.working.Go(p.learn) }) // the store cannot be closed meanwhile
		return get(db, appendStream(make([]byte, 0, 64), kindVersion, p.slot, aggregateID), func(value []byte) error {
			n := numbers{left: value}
			version = int64(n.next())
			return n.end()
		})
	})
	return version, err
}

// versionInMemory returns the version of a stream that is recent, or of one that is not there.
func (p *Partition) versionInMemory(aggregateID string) (version int64, certain bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, r := range [...]*recent{p.newest, p.older} {
		if r == nil {
			continue
		}
		if s, ok := r.streams[aggregateID]; ok {
			return s.last(), true
		}
	}
	return 0, p.unknown(aggregateID)
}

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

// Command returns the result of the commit that the command made in the stream, and whether there is one.
func (p *Partition) Command(aggregateID, commandID string) (eventstore.Result, bool, error) {
	var w written
	err := p.use(func(db *pebble.DB) error {
		if p.recentOf(func(r *recent) (ok bool) {
			w, ok = r.commands[command{aggregateID, commandID}]
			return ok
		}) {
			return nil
		}
		return get(db, appendCommand(make([]byte, 0, 128), p.slot, aggregateID, commandID), func(value []byte) (err error) {
			w, err = decodeWritten(value)
			return err
		})
	})
	return eventstore.Result{
		First: w.first, Last: w.last, Position: event.Position{Partition: p.partition, Offset: w.offset}, Repeated: true,
	}, w.last > 0, err
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

// chunk bounds the records that are read at once: no caller's loop runs while the database is in use.
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

// End returns the version of the stream, and its records from another version on up to that one.
func (p *Partition) End(aggregateID string, from int64) (records iter.Seq2[eventstore.Record, error], version int64, err error) {
	from = max(from, 1)
	// One look-up does for most streams: what is read now ends where the stream ends now.
	first, err := p.read(aggregateID, from, from+chunk-1)
	version = from + int64(len(first)) - 1
	if err == nil && (len(first) == chunk || len(first) == 0 && from > 1) {
		version, err = p.Version(aggregateID)
	}
	return func(yield func(eventstore.Record, error) bool) {
		for _, r := range first {
			if !yield(r, nil) {
				return
			}
		}
		for r, err := range p.Range(aggregateID, from+int64(len(first)), version) {
			if !yield(r, err) {
				return
			}
		}
	}, version, err
}

// Range yields the records of the stream from one version to another, which it must have. An error is yielded once, as the last pair.
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
		encoded, first := p.recentRecords(aggregateID, from, to)
		if first == 0 && p.absent(aggregateID) {
			return nil
		}
		if first == 0 || from < first {
			end := to
			if first > 0 {
				end = min(to, first-1)
			}
			if records, err = p.readSaved(db, aggregateID, from, end, len(encoded)); err != nil {
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

// recentRecords returns those of the records that are recent, encoded, and the first version of the stream that is recent; 0 if none
// is.
func (p *Partition) recentRecords(aggregateID string, from, to int64) (encoded [][]byte, first int64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, r := range [...]*recent{p.older, p.newest} {
		if r == nil {
			continue
		}
		s, ok := r.streams[aggregateID]
		if !ok {
			continue
		}
		if first == 0 {
			first = s.from
		}
		for version := max(from, s.from); version <= min(to, s.last()); version++ {
			encoded = append(encoded, s.at(version))
		}
	}
	return encoded, first
}

// readSaved returns the records that the database has, with room for more behind them.
func (p *Partition) readSaved(db *pebble.DB, aggregateID string, from, to int64, room int) ([]eventstore.Record, error) {
	bounds := make([]byte, 0, 2*maxEventKey)
	lower := appendEvent(bounds, p.slot, aggregateID, from)
	upper := appendEvent(lower[len(lower):], p.slot, aggregateID, to+1)
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	defer func() { _ = it.Close() }() // its error was asked for
	var records []eventstore.Record
	for ok := it.First(); ok; ok = it.Next() {
		r, err := p.record(aggregateID, from+int64(len(records)), it.Value())
		if err != nil {
			return nil, err
		}
		if records == nil {
			records = make([]eventstore.Record, 0, min(to-from+1, usualLength)+int64(room))
		}
		records = append(records, r)
	}
	return records, it.Error()
}

// usualLength is the number of records that most streams have at most.
const usualLength = 16

func (p *Partition) record(aggregateID string, version int64, value []byte) (eventstore.Record, error) {
	r, err := decodeRecord(value)
	if err == nil && r.AggregateVersion != version {
		err = fmt.Errorf("found version %d", r.AggregateVersion)
	}
	if err != nil {
		return r, fmt.Errorf("version %d of stream %q: %w; the index is broken; delete its folder, it is made again from Kafka",
			version, aggregateID, err)
	}
	r.AggregateID = aggregateID
	r.Position.Partition = p.partition
	return r, nil
}

// ends is the error of a stream that lacks records.
func ends(aggregateID string, found, want int64) error {
	return fmt.Errorf("stream %q ends at version %d, expected %d: the index is broken; delete its folder, it is made again from Kafka",
		aggregateID, found, want)
}

// Skipped returns the records from one offset to before another that do not count, in order.
func (p *Partition) Skipped(from, end int64) ([]Range, error) {
	// One that begins before from may reach into it: no batch, so no range, is longer than a request can be.
	const longest = 1 << 20
	var found, last []Range
	err := p.use(func(db *pebble.DB) error {
		p.recentOf(func(r *recent) bool {
			last = append(slices.Clone(r.skipped), last...)
			return false
		})
		it, err := db.NewIter(&pebble.IterOptions{
			LowerBound: appendSkipped(nil, p.slot, max(from-longest, 0)),
			UpperBound: appendSkipped(nil, p.slot, end),
		})
		if err != nil {
			return err
		}
		defer func() { _ = it.Close() }() // its error was asked for
		for ok := it.First(); ok; ok = it.Next() {
			n := numbers{left: it.Value()}
			key := it.Key()
			found = append(found, Range{Offset: int64(binary.BigEndian.Uint64(key[len(key)-8:])), Length: int(n.next())})
			if err := n.end(); err != nil {
				return err
			}
		}
		return it.Error()
	})
	for _, x := range last {
		saved := len(found) > 0 && x.Offset <= found[len(found)-1].Offset // meanwhile
		if !saved && x.Offset < end {
			found = append(found, x)
		}
	}
	return found, err
}

// wrap says which index an error is of, and what to do about a folder that is damaged.
func (p *Partition) wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("index of %s partition %d: %w; the index is broken; delete its folder, it is made again from Kafka", p.topic, p.partition, err)
	default:
		return fmt.Errorf("index of %s partition %d: %w", p.topic, p.partition, err)
	}
}
