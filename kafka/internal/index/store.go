package index

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fencelog/fencelog/eventstore"
)

// Bounds of the memory that an index takes, whatever it holds.
const (
	cacheBytes    = 128 << 20
	recentBytes   = 64 << 20  // of all partitions; as much again while it is saved
	maxPieceBytes = 4 << 20   // of one partition
	minPieceBytes = 256 << 10 // the same, however many there are
	filterBytes   = 16 << 20  // of all partitions: enough for some 12 million streams
	memTableBytes = 16 << 20  // the places of some dozen pieces: fewer, larger tables are merged less often
	memTables     = 4         // that wait to be written to disk
)

// Store is an index on disk, or in memory. Its methods may be called concurrently.
type Store struct {
	dir    string       // empty in memory
	mu     sync.RWMutex // held for reading while db is used, for writing while it is closed
	closed bool

	db         *pebble.DB
	files      *files
	lock       *pebble.Lock // nil in memory
	slots      map[slotName]uint16
	partitions map[uint16]*Partition // by slot, those that were asked for
	pieceBytes int                   // of what is recent of a partition, when it is saved
	closing    chan struct{}
	working    sync.WaitGroup // whoever saves or learns
	learning   chan struct{}  // has an element while a partition learns
	logger     *slog.Logger
	trouble    *trouble
}

type slotName struct {
	Topic     string
	Partition int32
}

// Open opens the index in the folder dir, which it makes if there is none; an empty dir means in memory.
//
// It fails with an *[UnusableError] if the folder is in use by another process, is not an index, is broken, or is the index
// of another cluster or topic, or of a topic with another number of partitions.
func Open(dir string, id Identity, logger *slog.Logger) (*Store, error) {
	options := newOptions(logger)
	if dir == "" {
		options.FS = vfs.NewMem()
		return open(dir, nil, id, options, logger)
	}
	lock, err := prepare(dir)
	if err != nil {
		return nil, err
	}
	options.Lock = lock
	return open(dir, lock, id, options, logger)
}

func open(dir string, lock *pebble.Lock, id Identity, options *pebble.Options, logger *slog.Logger) (*Store, error) {
	s := &Store{dir: dir, lock: lock, partitions: make(map[uint16]*Partition), closing: make(chan struct{}), learning: make(chan struct{}, 1), logger: logger, trouble: new(trouble)}
	options.EventListener.BackgroundError = func(err error) {
		if s.trouble.tell(err) {
			logger.Error("index cannot be written, and is tried again", "error", err)
		}
	}
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, errors.Join(unusable(dir, err), s.unlock())
	}
	s.db = db
	maxBytes := int64(fileBytes)
	if dir == "" {
		maxBytes = memoryFileBytes
	}
	if s.files, err = openFiles(options.FS, dir, maxBytes); err != nil {
		return nil, errors.Join(unusable(dir, err), db.Close(), s.unlock())
	}
	if err := s.identify(dir, id); err != nil {
		return nil, errors.Join(err, s.files.close(), db.Close(), s.unlock())
	}
	return s, nil
}

// newOptions returns Pebble's options, without those that depend on the folder.
func newOptions(logger *slog.Logger) *pebble.Options {
	options := &pebble.Options{
		FS:                          vfs.Default,
		Comparer:                    comparer(),
		CacheSize:                   cacheBytes,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTables,
		DisableWAL:                  true, // Kafka is the log
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      quiet{logger},
		EventListener:               listener(logger),
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	// What is in level 0 is written once more soon: compressing it is a tenth of what a rebuild costs.
	options.Levels[0].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	options.Levels[1].Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	return options
}

// Close saves what is in memory and closes the index. Whoever uses it later is told eventstore.ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.closing)
	s.working.Wait()
	var errs []error
	for _, p := range s.partitions {
		errs = append(errs, p.saveAll())
	}
	return errors.Join(append(errs, s.flush(), s.db.Close(), s.files.close(), s.unlock())...)
}

// flush writes what is in memtables to the disk, or fails: Pebble would try for ever, on a full disk.
func (s *Store) flush() error {
	trouble := s.trouble.begin()
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case err := <-trouble:
		return fmt.Errorf("index: what was new is not saved, and will be read again from Kafka: %w", err)
	}
}

// Bytes returns what the index takes on disk, or in memory if it is kept there; 0 once it is closed.
func (s *Store) Bytes() int64 {
	var n int64
	_ = s.use(func(db *pebble.DB) error { // it fails only once it is closed
		m := db.Metrics()
		n = int64(m.DiskSpaceUsage()+m.MemTable.Size) + s.files.bytes()
		for _, p := range s.partitions {
			n += int64(p.recentBytes())
		}
		return nil
	})
	return n
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

// listener tells of what Pebble would end the process for otherwise: a damaged table is the affair of whoever reads it, and
// is told so.
func listener(logger *slog.Logger) *pebble.EventListener {
	return &pebble.EventListener{DataCorruption: func(info pebble.DataCorruptionInfo) {
		logger.Error("index is damaged; delete its folder, it is made again from Kafka", "file", info.Path, "error", info.Details)
	}}
}

// quiet is Pebble's logger: what it tells of its daily work is for debugging.
type quiet struct{ to *slog.Logger }

func (q quiet) Infof(format string, args ...any) {
	q.to.Debug("index: " + fmt.Sprintf(format, args...))
}

func (q quiet) Errorf(format string, args ...any) {
	q.to.Error("index: " + fmt.Sprintf(format, args...))
}

func (q quiet) Fatalf(format string, args ...any) { panic("index: " + fmt.Sprintf(format, args...)) }
