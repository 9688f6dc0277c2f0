package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// Checkpoint is how far an index follows its partition.
type Checkpoint struct {
	Next int64     // the first offset that is not applied
	Term wire.Term // of the last marker before Next
}

// Range is some records of a partition: Length of them from Offset on.
type Range struct {
	Offset int64
	Length int
}

// Change is what some batches of a partition do to its index, all at once.
type Change struct {
	Records    []eventstore.Record // that count, in order, each with its position; versions continue their streams'
	Skipped    []Range             // that do not count
	Checkpoint Checkpoint          // after them
}

// Partition is the index of one partition.
type Partition struct {
	store     *Store
	slot      uint16
	topic     string
	partition int32

	mu         sync.RWMutex
	checkpoint Checkpoint
}

// Partition returns the index of a partition of the store's identity.
func (s *Store) Partition(topic string, partition int32) (*Partition, error) {
	slot, ok := s.slots[slotName{topic, partition}]
	if !ok {
		return nil, fmt.Errorf("index: partition %d of topic %s is not in its identity", partition, topic)
	}
	p := &Partition{
		store: s, slot: slot, topic: topic, partition: partition, checkpoint: Checkpoint{Term: wire.NoTerm()},
	}
	value, closer, err := s.db.Get(appendSlot(nil, kindCheckpoint, slot))
	if errors.Is(err, pebble.ErrNotFound) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	p.checkpoint, err = decodeCheckpoint(value)
	return p, err
}

// Checkpoint returns how far the index has come.
func (p *Partition) Checkpoint() Checkpoint {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.checkpoint
}

// Apply makes a change. After an error the index is of no more use.
func (p *Partition) Apply(c Change) error {
	err := p.store.use(func(db *pebble.DB) error {
		b := db.NewBatch()
		defer func() { _ = b.Close() }() // frees memory
		if err := p.fill(b, c); err != nil {
			return err
		}
		if err := b.Set(appendSlot(nil, kindCheckpoint, p.slot), encodeCheckpoint(c.Checkpoint), nil); err != nil {
			return err
		}
		return b.Commit(pebble.NoSync)
	})
	if err != nil {
		return p.wrap(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checkpoint = c.Checkpoint
	return nil
}

// ApplyCheckpointFirst makes the change in the wrong order, for the proof: after a crash between the two, the
// data is missing and never read again.
func (p *Partition) ApplyCheckpointFirst(c Change) error {
	err := p.store.use(func(db *pebble.DB) error {
		err := db.Set(appendSlot(nil, kindCheckpoint, p.slot), encodeCheckpoint(c.Checkpoint), pebble.NoSync)
		return errors.Join(err, db.Flush())
	})
	return errors.Join(err, p.Apply(c))
}

func (p *Partition) fill(b *pebble.Batch, c Change) error {
	var key, value []byte
	var errs error
	set := func(key, value []byte) {
		if errs == nil {
			errs = b.Set(key, value, nil)
		}
	}
	for i := range c.Records {
		r := &c.Records[i]
		key = appendEvent(key[:0], p.slot, r.AggregateID, r.AggregateVersion)
		value = appendRecord(value[:0], r)
		set(key, value)
		if r.AggregateVersion != r.Commit.First+int64(r.Commit.Length)-1 {
			continue
		}
		key = appendStream(key[:0], kindVersion, p.slot, r.AggregateID)
		set(key, binary.AppendUvarint(value[:0], uint64(r.AggregateVersion)))
		if r.CommandID != "" {
			key = append(appendStream(key[:0], kindCommand, p.slot, r.AggregateID), r.CommandID...)
			value = binary.AppendUvarint(value[:0], uint64(r.Commit.First))
			value = binary.AppendUvarint(value, uint64(r.AggregateVersion))
			set(key, binary.AppendUvarint(value, uint64(r.Position.Offset)))
		}
	}
	for _, r := range c.Skipped {
		key = binary.BigEndian.AppendUint64(appendSlot(key[:0], kindSkipped, p.slot), uint64(r.Offset))
		set(key, binary.AppendUvarint(value[:0], uint64(r.Length)))
	}
	return errs
}

// Version returns the version of the stream: the number of its events.
func (p *Partition) Version(aggregateID string) (int64, error) {
	var version int64
	err := p.get(appendStream(make([]byte, 0, 64), kindVersion, p.slot, aggregateID), func(value []byte) error {
		n := numbers{left: value}
		version = int64(n.next())
		return n.end()
	})
	return version, err
}

// Command returns the result of the commit that the command made in the stream, and whether there is one.
func (p *Partition) Command(aggregateID, commandID string) (eventstore.Result, bool, error) {
	r := eventstore.Result{Repeated: true}
	key := append(appendStream(make([]byte, 0, 128), kindCommand, p.slot, aggregateID), commandID...)
	err := p.get(key, func(value []byte) error {
		n := numbers{left: value}
		r.First, r.Last = int64(n.next()), int64(n.next())
		r.Position = event.Position{Partition: p.partition, Offset: int64(n.next())}
		return n.end()
	})
	return r, r.Last > 0, err
}

// At returns the record of the stream at a version, and whether there is one.
func (p *Partition) At(aggregateID string, version int64) (eventstore.Record, bool, error) {
	var r eventstore.Record
	err := p.get(appendEvent(make([]byte, 0, 64), p.slot, aggregateID, version), func(value []byte) (err error) {
		r, err = p.record(aggregateID, version, value)
		return err
	})
	return r, r.ID != "", err
}

// get calls use with the value of the key, unless there is none.
func (p *Partition) get(key []byte, use func([]byte) error) error {
	return p.wrap(p.store.use(func(db *pebble.DB) error {
		value, closer, err := db.Get(key)
		if errors.Is(err, pebble.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		defer closer.Close()
		return use(value)
	}))
}

// chunk bounds the records that are read at once: no caller's loop runs while the database is in use.
const chunk = 256

// Stream yields the records of the stream from a version on, up to the version it has now. An error
// is yielded once, as the last pair.
func (p *Partition) Stream(aggregateID string, from int64) iter.Seq2[eventstore.Record, error] {
	end, err := p.Version(aggregateID)
	from = max(from, 1)
	return func(yield func(eventstore.Record, error) bool) {
		if err != nil {
			yield(eventstore.Record{}, err)
			return
		}
		for next := from; next <= end; next += chunk {
			records, err := p.read(aggregateID, next, min(next+chunk-1, end))
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

// read returns the records of the stream from one version to another.
func (p *Partition) read(aggregateID string, from, to int64) (records []eventstore.Record, err error) {
	records = make([]eventstore.Record, 0, to-from+1)
	err = p.store.use(func(db *pebble.DB) error {
		it, err := db.NewIter(&pebble.IterOptions{
			LowerBound: appendEvent(nil, p.slot, aggregateID, from),
			UpperBound: appendEvent(nil, p.slot, aggregateID, to+1),
		})
		if err != nil {
			return err
		}
		defer func() { _ = it.Close() }() // its error was asked for
		for ok := it.First(); ok; ok = it.Next() {
			r, err := p.record(aggregateID, from+int64(len(records)), it.Value())
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		if err := it.Error(); err != nil {
			return err
		}
		if found := from + int64(len(records)) - 1; found != to {
			return fmt.Errorf("stream %q ends at version %d, expected %d: the index is broken; delete its folder, it is made again from Kafka",
				aggregateID, found, to)
		}
		return nil
	})
	return records, p.wrap(err)
}

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

// Skipped returns the records from one offset to before another that do not count, in order.
func (p *Partition) Skipped(from, end int64) ([]Range, error) {
	// A range that begins before from may reach into it: no batch, so no range, is longer than a request can be.
	const longest = 1 << 20
	var found []Range
	err := p.store.use(func(db *pebble.DB) error {
		it, err := db.NewIter(&pebble.IterOptions{
			LowerBound: binary.BigEndian.AppendUint64(appendSlot(nil, kindSkipped, p.slot), uint64(max(from-longest, 0))),
			UpperBound: binary.BigEndian.AppendUint64(appendSlot(nil, kindSkipped, p.slot), uint64(end)),
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
	return found, p.wrap(err)
}

func (p *Partition) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("index of %s partition %d: %w", p.topic, p.partition, err)
}
