package index

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fencelog/fencelog/eventstore"
)

// Bounds of the memory that an index takes, whatever it holds.
const (
	cacheBytes    = 128 << 20
	memTableBytes = 64 << 20
)

// format is the version of the keys and values below. An index of another format is made again.
const format = 1

// markFile tells a folder of this package from any other.
const markFile = "FENCELOG-INDEX"

// Identity says what an index is the index of. Two topics of one name are the same if and only if their ids are.
type Identity struct {
	ClusterID string
	Topics    map[string]Topic // by name
}

// Topic is one topic of an [Identity].
type Topic struct {
	ID         string // given by the cluster when the topic was made
	Partitions int32
}

// Store is an index on disk, or in memory. Its methods may be called concurrently.
type Store struct {
	mu     sync.RWMutex // held for reading while db is used, for writing while it is closed
	closed bool

	db    *pebble.DB
	lock  *pebble.Lock // nil in memory
	slots map[slotName]uint16
}

type slotName struct {
	Topic     string
	Partition int32
}

// saved is what a store keeps of itself.
type saved struct {
	Format   int
	Identity Identity
	Slots    []slotName // the place is the slot
}

// Open opens the index in the folder dir, which it makes if there is none; an empty dir means in memory.
//
// It fails with an *[UnusableError] if the folder is in use by another process, is not an index, is broken, or is the index
// of another cluster or topic, or of a topic with another number of partitions.
func Open(dir string, id Identity, logger *slog.Logger) (*Store, error) {
	options := &pebble.Options{
		CacheSize:                  cacheBytes,
		MemTableSize:               memTableBytes,
		DisableWAL:                 true, // Kafka is the log
		FormatMajorVersion:         pebble.FormatNewest,
		Logger:                     quiet{logger},
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	s := &Store{}
	if dir == "" {
		options.FS = vfs.NewMem()
	} else {
		var err error
		if s.lock, err = prepare(dir); err != nil {
			return nil, err
		}
		options.Lock = s.lock
	}
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, errors.Join(unusable(dir, err), s.unlock())
	}
	s.db = db
	if err := s.identify(dir, id); err != nil {
		return nil, errors.Join(err, db.Close(), s.unlock())
	}
	return s, nil
}

// Close saves what is in memory and closes the index. Whoever uses it later is told eventstore.ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.db.Flush(), s.db.Close(), s.unlock())
}

// use calls f with the database while it is open. f must not call back into the store.
func (s *Store) use(f func(*pebble.DB) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return eventstore.ErrClosed
	}
	return f(s.db)
}

func (s *Store) unlock() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// prepare makes the folder, or makes sure that it is an index, and locks it.
func prepare(dir string) (*pebble.Lock, error) {
	if err := mark(dir); err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(dir, vfs.Default)
	if err != nil {
		return nil, &UnusableError{Dir: dir, Found: "another process uses it", Do: "give each instance a folder of its own", Err: err}
	}
	return lock, nil
}

func mark(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return &UnusableError{Dir: dir, Found: err.Error(), Do: "name a folder that this process may write to"}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return &UnusableError{Dir: dir, Found: err.Error(), Do: "name a folder that this process may read"}
	}
	name := filepath.Join(dir, markFile)
	if len(entries) == 0 {
		return os.WriteFile(name, []byte("An index of Fencelog. It can be deleted: it is made again from Kafka.\n"), 0o600)
	}
	if _, err := os.Stat(name); err != nil {
		return &UnusableError{
			Dir: dir, Found: fmt.Sprintf("%d entries and no %s: it is no index", len(entries), markFile), Do: "name an empty folder",
		}
	}
	return nil
}

func unusable(dir string, err error) error {
	return &UnusableError{Dir: dir, Found: err.Error(), Do: "delete it: it is made again from Kafka", Err: err}
}

// identify compares the index with what it is opened for, and gives new partitions their slots.
func (s *Store) identify(dir string, id Identity) error {
	kept, err := s.load()
	if err != nil {
		return unusable(dir, err)
	}
	if kept == nil || kept.Format != format {
		if err := s.db.DeleteRange([]byte{0}, []byte{0xff}, pebble.NoSync); err != nil {
			return unusable(dir, err)
		}
		kept = &saved{Format: format, Identity: Identity{ClusterID: id.ClusterID, Topics: make(map[string]Topic)}}
	}
	if kept.Identity.ClusterID != id.ClusterID {
		return &UnusableError{
			Dir: dir, Found: fmt.Sprintf("the index of cluster %s, and the brokers are of cluster %s", kept.Identity.ClusterID, id.ClusterID),
			Do: "name the folder of this cluster's index, or delete it if the cluster was replaced by a copy of itself",
		}
	}
	s.slots = make(map[slotName]uint16)
	for i, name := range kept.Slots {
		s.slots[name] = uint16(i)
	}
	for name, topic := range id.Topics {
		before, known := kept.Identity.Topics[name]
		if known && before != topic {
			return changed(dir, name, before, topic)
		}
		kept.Identity.Topics[name] = topic
		for p := range topic.Partitions {
			if _, known := s.slots[slotName{name, p}]; !known {
				s.slots[slotName{name, p}] = uint16(len(kept.Slots))
				kept.Slots = append(kept.Slots, slotName{name, p})
			}
		}
	}
	value, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return s.db.Set(identityKey(), value, pebble.NoSync)
}

func changed(dir, name string, before, now Topic) error {
	e := &UnusableError{Dir: dir}
	if before.Partitions != now.Partitions {
		e.Found = fmt.Sprintf("topic %s had %d partitions and has %d", name, before.Partitions, now.Partitions)
		e.Do = "the number can never change, as events would be looked for in the wrong partition: restore the topic as it was"
		return e
	}
	e.Found = fmt.Sprintf("topic %s had id %s and has %s: it was deleted and made anew", name, before.ID, now.ID)
	e.Do = "restore the topic, or delete the folder if its events were meant to go"
	return e
}

func (s *Store) load() (*saved, error) {
	value, closer, err := s.db.Get(identityKey())
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	var kept saved
	if err := json.Unmarshal(value, &kept); err != nil {
		return nil, fmt.Errorf("its description cannot be read: %w", err)
	}
	return &kept, nil
}

// UnusableError says why a folder cannot be used as the index, and what to do.
type UnusableError struct {
	Dir   string
	Found string
	Do    string
	Err   error // may be nil
}

// Error says what was found and what to do.
func (e *UnusableError) Error() string {
	return fmt.Sprintf("index folder %s: %s; %s", e.Dir, e.Found, e.Do)
}

// Unwrap returns the file system's or database's error, if there was one.
func (e *UnusableError) Unwrap() error { return e.Err }

// quiet is Pebble's logger: what it tells of its daily work is for debugging.
type quiet struct{ to *slog.Logger }

func (q quiet) Infof(format string, args ...any) {
	q.to.Debug("index: " + fmt.Sprintf(format, args...))
}

func (q quiet) Errorf(format string, args ...any) {
	q.to.Error("index: " + fmt.Sprintf(format, args...))
}

func (q quiet) Fatalf(format string, args ...any) { panic("index: " + fmt.Sprintf(format, args...)) }

// The keys: a kind, the partition's slot, and what it is about. An aggregate id is led by its length, so that no key
// is the beginning of another stream's.
const (
	kindIdentity   = 'i' //                            → saved
	kindCheckpoint = 'c' // slot                       → checkpoint
	kindEvent      = 'e' // slot, aggregate id, version → record
	kindVersion    = 'v' // slot, aggregate id          → version
	kindCommand    = 'k' // slot, aggregate id, command id → first and last version, offset
	kindSkipped    = 'x' // slot, offset               → number of records that do not count
)

func identityKey() []byte { return []byte{kindIdentity} }

func appendSlot(key []byte, kind byte, slot uint16) []byte {
	return binary.BigEndian.AppendUint16(append(key, kind), slot)
}

func appendStream(key []byte, kind byte, slot uint16, aggregateID string) []byte {
	key = appendSlot(key, kind, slot)
	key = append(key, byte(len(aggregateID))) // at most eventstore.MaxIDBytes
	return append(key, aggregateID...)
}

func appendEvent(key []byte, slot uint16, aggregateID string, version int64) []byte {
	return binary.BigEndian.AppendUint64(appendStream(key, kindEvent, slot, aggregateID), uint64(version))
}
