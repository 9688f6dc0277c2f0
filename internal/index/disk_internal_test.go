package index

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/eventstore"
)

// failing is a disk that fails: with one operation, or with every one from then on.
type failing struct {
	kind   errorfs.OpReadWrite
	errno  syscall.Errno
	at     int64 // the number of the operation, from 1
	lasts  bool
	count  atomic.Int64
	struck atomic.Bool
}

func (f *failing) String() string { return f.errno.Error() }

func (f *failing) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != f.kind || op.Kind == errorfs.OpFilePreallocate || op.Kind == errorfs.OpGetDiskUsage {
		return nil // neither a failed hint nor unknown room is a failure
	}
	if n := f.count.Add(1); n != f.at && (!f.lasts || n < f.at) {
		return nil
	}
	f.struck.Store(true)
	return &fs.PathError{Op: "op", Path: op.Path, Err: f.errno}
}

// openFailing opens an index in a folder, whose pieces and tables are small.
func openFailing(on vfs.FS, key eventstore.PartitionKey, pieceBytes int) (*Store, *Partition, error) {
	logger := slog.New(slog.DiscardHandler)
	options := newOptions(logger)
	options.FS, options.MemTableSize, options.CacheSize = on, 64<<10, 1<<20
	s, err := openFolder("index", onePartition(key), options, logger)
	if err != nil {
		return nil, nil, err
	}
	s.pieceBytes = pieceBytes
	p, err := s.Partition("t", 1)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, p, nil
}

// flushed makes a table of what is saved, so that there are soon some to merge. It does not wait
// for a disk that fails.
func (s *Store) flushed() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.ended == nil {
		_ = s.flush()
	}
}

// life makes an index, uses it, closes it, and does so again, until something fails. It returns the
// errors of opening, applying and reading, and of closing.
func life(t *testing.T, w *world, on vfs.FS, changes *[]Change) (opening, using, closing error) {
	t.Helper()
	for range 2 {
		s, p, err := openFailing(on, w.key, 1_500)
		if err != nil {
			return err, nil, nil
		}
		for i := range 20 {
			c := w.change()
			*changes = append(*changes, c)
			if using = p.Apply(c); using != nil {
				break
			}
			if i%3 == 2 {
				s.flushed()
			}
			if _, using = p.Look("1", "none"); using != nil {
				break
			}
		}
		if err := s.Err(); err != nil {
			_, read := p.Version("1")
			require.Equal(t, err, read)
			require.Equal(t, err, p.Apply(Change{Checkpoint: w.checkpoint}))
			_, err := s.Partition("t", 0)
			require.Error(t, err)
		}
		closing = inTime(t, s.Close)
		require.Equal(t, closing, s.Close())
		if using != nil || closing != nil {
			return nil, using, closing
		}
	}
	return nil, nil, nil
}

// inTime fails the test if the call takes long.
func inTime(t *testing.T, call func() error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		t.Fatal("it takes too long")
		return nil
	}
}

// TestAnyWriteMayFail lets one write in the life of an index fail, or every write from then on:
//
//   - The caller that opens, uses or closes the index is told, with the folder and what to do.
//   - Closing ends, and leaves nothing behind.
//   - The folder has an index as it once was, before and after a loss of power.
func TestAnyWriteMayFail(t *testing.T) {
	rng := seeded(t)
	errnos := []syscall.Errno{
		syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EMFILE, syscall.ENFILE, syscall.EDQUOT, syscall.EFBIG,
		syscall.ESTALE,
	}
	for n := int64(1); ; n += step(rng) {
		f := &failing{kind: errorfs.OpIsWrite, errno: errnos[rng.IntN(len(errnos))], at: n, lasts: rng.IntN(2) == 0}
		w, memory := newWorld(rng, drawKey(rng)), vfs.NewCrashableMem()
		var changes []Change
		opening, using, closing := life(t, w, errorfs.Wrap(memory, f), &changes)
		if !f.struck.Load() {
			require.NoError(t, errors.Join(opening, using, closing))
			t.Logf("%d writes", f.count.Load())
			return
		}
		requireTold(t, f.errno, opening, using, closing)
		requireNothingLeft(t)
		requireIntact(t, w, memory, changes)
		lost := memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		requireIntact(t, w, lost, changes)
	}
}

// step is 1. If the test is to be short, or the race detector watches, it is a random number up to
// 20. So each of many runs takes others.
func step(rng *rand.Rand) int64 {
	if testing.Short() || raced {
		return 1 + rng.Int64N(20)
	}
	return 1
}

// requireNothingLeft fails at once if goroutines are left.
func requireNothingLeft(t *testing.T) {
	t.Helper()
	goleak.VerifyNone(t)
	if t.Failed() {
		t.FailNow()
	}
}

func requireTold(t *testing.T, errno syscall.Errno, opening, using, closing error) {
	t.Helper()
	if opening == nil {
		require.Error(t, closing, "closing tells what using may have told before")
	}
	for _, err := range []error{opening, using, closing} {
		if err == nil {
			continue
		}
		var unusable *UnusableError
		require.ErrorAs(t, err, &unusable)
		require.Equal(t, "index", unusable.Dir)
		require.ErrorIs(t, err, errno)
		require.Contains(t, unusable.Found, errno.Error())
		require.NotEmpty(t, unusable.Do)
	}
}

// requireIntact opens the folder on a disk that is well: the index is as it once was, and takes
// what it lacks.
func requireIntact(t *testing.T, w *world, on vfs.FS, changes []Change) {
	t.Helper()
	s, p, err := openFailing(on, w.key, 1_500)
	require.NoError(t, err)
	at := p.Checkpoint()
	require.Equal(t, w.states[at.Next], at)
	w.requireSame(t, p, at.Next)
	for _, c := range changes {
		if c.Checkpoint.Next > at.Next {
			require.NoError(t, p.Apply(c))
		}
	}
	w.requireSame(t, p, w.checkpoint.Next)
	require.NoError(t, s.Close())
}

// TestAnyReadMayFail lets one read in the life of an index fail, or every read from then on. The
// reader is told, or the index is given up, because tables that cannot be read cannot be merged.
// The folder has an index as it once was.
func TestAnyReadMayFail(t *testing.T) {
	rng := seeded(t)
	errnos := []syscall.Errno{syscall.EIO, syscall.EMFILE, syscall.EACCES}
	for n := int64(1); ; n += step(rng) {
		f := &failing{kind: errorfs.OpIsRead, errno: errnos[rng.IntN(len(errnos))], at: n, lasts: rng.IntN(2) == 0}
		w, memory := newWorld(rng, drawKey(rng)), vfs.NewMem()
		var changes []Change
		opening, using, closing := life(t, w, errorfs.Wrap(memory, f), &changes)
		if !f.struck.Load() {
			require.NoError(t, errors.Join(opening, using, closing))
			t.Logf("%d reads", f.count.Load())
			return
		}
		for _, err := range []error{opening, using, closing} {
			if err != nil {
				require.ErrorIs(t, err, f.errno)
			}
		}
		requireNothingLeft(t)
		requireIntact(t, w, memory, changes)
	}
}
