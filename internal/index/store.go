package index

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fencelog/fencelog/internal/wake"
)

// Bounds of the memory that an index takes, whatever it holds.
const (
	cacheBytes    = 128 << 20
	recentBytes   = 64 << 20  // of all partitions; as much again while it is saved
	maxPieceBytes = 4 << 20   // of one partition
	minPieceBytes = 256 << 10 // the same, however many there are
	answersShare  = 8         // of a piece: what remembered answers of the database take, for each partition
	filterBytes   = 16 << 20  // of all partitions: enough for some 12 million streams
	memTableBytes = 16 << 20  // the places of some dozen pieces: fewer, larger tables are merged less often
	memTables     = 4         // that wait to be written to disk
)

// Store is an index on disk, or in memory. Its methods may be called concurrently.
type Store struct {
	dir      string       // empty in memory
	mu       sync.RWMutex // held for reading while db is used, for writing while it is closed
	ended    error        // the error of every use of db once it is closed
	closed   bool         // Close was called
	closeErr error

	disk       *disk
	db         *pebble.DB
	iterators  iterators // of db
	files      *files
	lock       *pebble.Lock // nil in memory
	slots      map[slotName]uint16
	topics     map[string]Topic      // by name
	partitions map[uint16]*Partition // by slot, those that were asked for
	pieceBytes int                   // of what is recent of a partition, when it is saved
	closing    chan struct{}         // closed before db is
	working    sync.WaitGroup        // the goroutines that save or learn
	watched    chan struct{}         // closed once nobody watches the disk any more
	merged     wake.Bell             // rung after tables were merged
	learning   chan struct{}         // has an element while a partition learns
	logger     *slog.Logger
}

type slotName struct {
	Topic     string
	Partition int32
}

// Open opens the index in the folder dir, which it makes if there is none. An empty dir means in
// memory.
//
// It fails with an *[UnusableError] if
//
//   - another process uses the folder;
//   - the folder is not an index, is broken, or cannot be written;
//   - next to nothing is free on its disk;
//   - it is the index of another cluster or topic, or of a topic with another number of partitions
//     or another partition key.
func Open(dir string, id Identity, logger *slog.Logger) (*Store, error) {
	options := newOptions(logger)
	if dir == "" {
		options.FS = vfs.NewMem()
		return open(dir, nil, id, options, logger)
	}
	return openFolder(dir, id, options, logger)
}

// openFolder opens the index in a folder of options.FS.
func openFolder(dir string, id Identity, options *pebble.Options, logger *slog.Logger) (*Store, error) {
	lock, err := prepare(options.FS, dir)
	if err != nil {
		return nil, err
	}
	if err := requireRoom(options.FS, dir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	options.Lock = lock
	return open(dir, lock, id, options, logger)
}

func open(dir string, lock *pebble.Lock, id Identity, options *pebble.Options, logger *slog.Logger) (*Store, error) {
	s := &Store{
		dir:  dir,
		disk: newDisk(dir, options.FS), lock: lock, partitions: make(map[uint16]*Partition),
		closing: make(chan struct{}), watched: make(chan struct{}), learning: make(chan struct{}, 1), logger: logger,
	}
	options.FS = s.disk
	options.EventListener.BackgroundError = func(err error) { s.disk.fail(unusable(dir, err)) }
	options.EventListener.CompactionEnd = func(pebble.CompactionInfo) { s.merged.Ring() }
	err := s.start(dir, id, options)
	if failure := s.disk.err(); failure != nil {
		err = failure // and what else failed followed from it
	}
	if err != nil {
		if failed := s.shut(); s.disk.err() == nil {
			err = errors.Join(err, failed)
		}
		return nil, err
	}
	go s.watch()
	return s, nil
}

// start opens the database and the files of records.
func (s *Store) start(dir string, id Identity, options *pebble.Options) (err error) {
	if s.db, err = pebble.Open(dir, options); err != nil {
		return unusable(dir, err)
	}
	maxBytes := int64(fileBytes)
	if dir == "" {
		maxBytes = memoryFileBytes
	}
	if s.files, err = openFiles(options.FS, dir, maxBytes); err != nil {
		return unusable(dir, err)
	}
	return s.identify(dir, id)
}

// newOptions returns Pebble's options, without those that depend on the folder.
func newOptions(logger *slog.Logger) *pebble.Options {
	options := &pebble.Options{
		FS:                          vfs.Default,
		Comparer:                    comparer(),
		CacheSize:                   cacheBytes,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTables,
		L0StopWritesThreshold:       math.MaxInt32, // see Store.awaitMerging
		DisableTableStats:           true,          // nothing is deleted; Pebble would retry for ever what fails
		DisableWAL:                  true,          // the partitions are the log
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      quiet{logger},
		EventListener:               listener(logger),
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	// Pebble soon writes the tables of level 0 again. To compress them is a tenth of what a rebuild
	// costs.
	options.Levels[0].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	options.Levels[1].Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	return options
}

// Bytes returns what the index takes on disk, or in memory if it is kept there; 0 once it is
// closed.
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

// use calls f with the database while it is open. f must not call back into the store. If the disk
// has failed, use returns that error, whatever f returns.
func (s *Store) use(f func(*pebble.DB) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.ended != nil {
		return s.ended
	}
	err := f(s.db)
	if failure := s.disk.err(); failure != nil {
		return failure
	}
	return err
}

// listener logs damage, for which Pebble would end the process otherwise. The reader of a damaged
// table gets an error anyway.
func listener(logger *slog.Logger) *pebble.EventListener {
	return &pebble.EventListener{DataCorruption: func(info pebble.DataCorruptionInfo) {
		logger.Error("index is damaged; delete its folder, it is made again from the topics",
			"file", info.Path, "error", info.Details)
	}}
}

// quiet is Pebble's logger. Pebble's messages about its daily work are for debugging.
type quiet struct{ to *slog.Logger }

func (q quiet) Infof(format string, args ...any) {
	q.to.Debug("index: " + fmt.Sprintf(format, args...))
}

func (q quiet) Errorf(format string, args ...any) {
	q.to.Error("index: " + fmt.Sprintf(format, args...))
}

// Fatalf must not return. A disk that fails does not lead here, see disk. So only a mistake of
// Pebble's does.
func (q quiet) Fatalf(format string, args ...any) { panic("index: " + fmt.Sprintf(format, args...)) }
