package index

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/wake"
)

// Checkpoint says how far an index has read its partition.
type Checkpoint struct {
	Next int64       // the first offset that is not applied
	Term Term        // that the last marker before Next left, by the reader rule
	Last Fingerprint // of the last batch before Next; nothing while Next is 0
	Time int64       // greatest time of an event that counts, see TimeOf; 0 while no event is later than 1970
}

// TimeOf returns a time as a checkpoint has it: in nanoseconds since 1970. If the time is too far
// away for that, it returns the nearest that there is.
func TimeOf(t time.Time) int64 {
	switch s := t.Unix(); {
	case s > math.MaxInt64/int64(time.Second)-1:
		return math.MaxInt64
	case s < math.MinInt64/int64(time.Second)+1:
		return math.MinInt64
	}
	return t.UnixNano()
}

// Range is some records of a partition: Length of them from Offset on.
type Range struct {
	Offset int64
	Length int
}

// End returns the offset after the last one.
func (r Range) End() int64 { return r.Offset + int64(r.Length) }

// Change is what some batches of a partition do to its index, all at once.
type Change struct {
	Records    []eventstore.Record // of whole commits that count, in order, with positions; each continues its stream
	Skipped    []Range             // that do not count
	Terms      []Term              // that began, in order; the epochs of a producer id grow
	Checkpoint Checkpoint          // after them
}

// Partition is the index of one partition. It keeps the latest changes in memory, and a goroutine
// saves them to the database in large pieces:
//
//	I1  (invariant 6 of kafka/DESIGN.md) First the goroutine writes the records to a file, and waits until they are on the disk.
//	    Then one write to the database says where the records are, and how far they go: the
//	    checkpoint of the last change. So after a crash the index is that of some earlier
//	    checkpoint.
//	I2  Pieces are saved in the order in which they were filled, one at a time.
//	I3  A change is first in newest, then in older, then in the database. It leaves one of them
//	    only once the next one has it. So a reader that looks into newest and older first, and
//	    then into the database, misses nothing.
type Partition struct {
	store     *Store
	slot      uint16
	topic     string
	partition int32
	key       eventstore.PartitionKey

	mu         sync.RWMutex
	checkpoint Checkpoint
	newest     *recent           // what was applied last; only Apply adds to it and replaces it
	older      *recent           // what is being saved; nil if nothing is
	failed     error             // why older could not be saved
	snapshots  map[string][]byte // that wait to be saved, by name, encoded
	answers    answers           // of the database
	known      *filter           // of the streams
	learned    bool              // known has the streams of the database, too

	learning sync.Once // begins to make known complete

	snapshotBytes int // what snapshots takes

	saving  chan struct{}   // closed once older is saved, or failed; Apply's
	encoded [][]byte        // Apply's
	made    []encodedCommit // Apply's
	moved   wake.Bell       // rung after the checkpoint has moved
}

// Partition returns the index of a partition of the store's identity: always the same one.
func (s *Store) Partition(topic string, partition int32) (*Partition, error) {
	slot, ok := s.slots[slotName{topic, partition}]
	if !ok {
		return nil, fmt.Errorf("index: partition %d of topic %s is not in its identity", partition, topic)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.partitions[slot]; p != nil {
		return p, nil
	}
	if err := s.over(); err != nil {
		return nil, err
	}
	key := s.topics[topic].PartitionKey
	p := &Partition{
		store: s, slot: slot, topic: topic, partition: partition, key: key, checkpoint: Checkpoint{Term: NoTerm()},
		newest: newRecent(key, nil), answers: newAnswers(s.pieceBytes / answersShare),
		known: newFilter(filterBytes / max(len(s.slots), 1)),
	}
	value, closer, err := s.db.Get(appendSlot(nil, kindCheckpoint, slot))
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		p.learned = true
	case err != nil:
		return nil, err
	default:
		defer closer.Close()
		if p.checkpoint, err = decodeCheckpoint(value); err != nil {
			return nil, p.wrap(err)
		}
	}
	s.partitions[slot] = p
	return p, nil
}

// Checkpoint returns how far the index has come.
func (p *Partition) Checkpoint() Checkpoint {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.checkpoint
}

// Epoch returns the greatest epoch of the producer id that began a term; ok is false if none did.
func (p *Partition) Epoch(producerID int64) (epoch int16, ok bool, err error) {
	p.mu.RLock()
	for _, r := range [...]*recent{p.newest, p.older} {
		if r != nil && !ok {
			epoch, ok = r.epochs[producerID]
		}
	}
	p.mu.RUnlock()
	if ok {
		return epoch, true, nil
	}
	err = p.use(func(db *pebble.DB) error {
		return get(db, appendEpoch(nil, p.slot, producerID), func(value []byte) error {
			n := numbers{left: value}
			epoch, ok = int16(n.signed()), true
			return n.end()
		})
	})
	return epoch, ok, err
}

// Dir returns the folder of the index; empty if it is in memory.
func (p *Partition) Dir() string { return p.store.dir }

// Apply makes a change. It waits only if earlier changes are not saved as fast as new ones come. It
// fails if a commit has streams of several partition keys. After an error the index is of no more
// use.
func (p *Partition) Apply(c Change) error {
	err := p.use(func(*pebble.DB) error {
		if err := p.makeRoom(); err != nil {
			return err
		}
		made, err := p.encodeCommits(p.made[:0], c.Records)
		if err != nil {
			return err
		}
		p.made, p.encoded = made, p.newest.encode(p.encoded[:0], c.Records)
		p.mu.Lock()
		p.newest.add(&c, p.encoded, made)
		for i := range c.Records {
			if c.Records[i].AggregateVersion == 1 {
				p.known.add(c.Records[i].AggregateID)
			}
		}
		p.checkpoint = c.Checkpoint
		p.mu.Unlock()
		clear(p.encoded)
		clear(p.made)
		return nil
	})
	if err == nil {
		p.moved.Ring()
	}
	return err
}

// makeRoom begins to save what is recent, if there is too much of it.
func (p *Partition) makeRoom() error {
	if p.newest.bytes < p.store.pieceBytes {
		return nil
	}
	if p.saving != nil {
		<-p.saving
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return p.failed
	}
	p.newest.snapshots = p.takeSnapshots()
	p.older, p.newest = p.newest, newRecent(p.key, p.newest)
	saved := make(chan struct{})
	p.saving = saved
	p.store.working.Go(func() {
		defer close(saved)
		p.save()
	})
	return nil
}

// save saves what is older.
func (p *Partition) save() {
	err := p.older.save(p.store, p.slot)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed = err; err == nil {
		p.older = nil
		p.answers.forget()
	}
}

// saveAll saves everything. Nothing else uses the partition any more, and nothing is being saved.
func (p *Partition) saveAll() error {
	if p.failed != nil {
		return p.wrap(p.failed)
	}
	p.newest.snapshots = p.takeSnapshots()
	return p.wrap(p.newest.save(p.store, p.slot))
}

// recentBytes returns about how many bytes are not saved yet.
func (p *Partition) recentBytes() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	n := p.newest.bytes + p.snapshotBytes
	if p.older != nil {
		n += p.older.bytes
	}
	return n
}

// Listen puts a token into c, which has a buffer, whenever the checkpoint has moved or Wake is
// called. It does so until stop is called. To wait for a checkpoint, listen first, and look at the
// checkpoint then.
func (p *Partition) Listen(c chan<- struct{}) (stop func()) { return p.moved.Listen(c) }

// Err returns nil, or the *[UnusableError] with which the disk has failed. After a failure the
// index is of no more use, and all who listen are woken.
func (p *Partition) Err() error { return p.store.Err() }

// Wake wakes those who listen, though the checkpoint has not moved.
func (p *Partition) Wake() { p.moved.Ring() }

// ApplyCheckpointFirst makes the change in the wrong order, for the proof: it saves the checkpoint
// before the data. After a crash between the two the data is missing, and is never read again.
func (p *Partition) ApplyCheckpointFirst(c Change) error {
	err := p.store.use(func(db *pebble.DB) error {
		err := db.Set(appendSlot(nil, kindCheckpoint, p.slot), encodeCheckpoint(c.Checkpoint), pebble.NoSync)
		return errors.Join(err, db.Flush())
	})
	return errors.Join(err, p.Apply(c))
}
