package index

import (
	"io/fs"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// Tables that cannot be read cannot be merged. A caller that adds more is told, and does not wait
// for ever for them to become fewer.
func TestTablesThatCannotBeMerged(t *testing.T) {
	w, merging := newWorld(seeded(t), eventstore.BeforeSlash), make(chan struct{})
	unreadable := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".sst") && op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			<-merging
			return &fs.PathError{Op: "read", Path: op.Path, Err: syscall.EIO}
		}
		return nil
	})
	s, p, err := openFailing(errorfs.Wrap(vfs.NewMem(), unreadable), eventstore.BeforeSlash, 1)
	require.NoError(t, err)
	for s.unmerged() < maxUnmerged {
		require.NoError(t, p.Apply(w.change()))
		s.flushed()
	}
	more := make(chan error)
	go func() {
		for {
			if err := p.Apply(w.change()); err != nil {
				more <- err
				return
			}
		}
	}()
	close(merging)
	err = inTime(t, func() error { return <-more })
	var unusable *UnusableError
	require.ErrorAs(t, err, &unusable)
	require.ErrorIs(t, err, syscall.EIO)
	require.Equal(t, err, inTime(t, s.Close))
}

// Inspect changes nothing. It works where nothing can be written, whatever is in the folder.
func TestInspectWritesNothing(t *testing.T) {
	w, memory := newWorld(seeded(t), eventstore.BeforeSlash), vfs.NewMem()
	logger := slog.New(slog.DiscardHandler)
	full := errorfs.Wrap(memory, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead || op.Kind == errorfs.OpLock || op.Kind == errorfs.OpFileClose ||
			op.Kind == errorfs.OpGetDiskUsage {
			return nil
		}
		t.Errorf("operation %d on %s", op.Kind, op.Path)
		return &fs.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
	}))
	look := func() Inspection {
		found, err := inspect(roomy{full, 1 << 40}, "index", onePartition(eventstore.BeforeSlash), logger)
		require.NoError(t, err)
		return found
	}
	require.True(t, look().New)
	require.NoError(t, memory.MkdirAll("index", 0o750))
	require.True(t, look().New)
	require.NoError(t, mark(memory, "index"))
	require.True(t, look().New, "marked, and never used")
	names, err := memory.List("index")
	require.NoError(t, err)
	require.Equal(t, []string{markFile}, names)

	s, p, err := openFailing(memory, eventstore.BeforeSlash, 1_500)
	require.NoError(t, err)
	for range 50 {
		require.NoError(t, p.Apply(w.change()))
	}
	require.True(t, look().InUse)
	require.NoError(t, s.Close())
	before, err := memory.List("index")
	require.NoError(t, err)
	found := look()
	require.Equal(t, Inspection{UsedBytes: found.UsedBytes, FreeBytes: 1 << 40}, found)
	after, err := memory.List("index")
	require.NoError(t, err)
	require.ElementsMatch(t, before, after)
	requireNothingLeft(t)
}

// roomy is a disk that says how much room it has.
type roomy struct {
	vfs.FS
	free uint64
}

func (r roomy) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: r.free}, nil
}

// An index does not open where there is no room to save anything.
func TestRoomToOpen(t *testing.T) {
	memory := vfs.NewMem()
	for _, free := range []uint64{0, leastRoom - 1, leastRoom} {
		s, _, err := openFailing(roomy{memory, free}, eventstore.BeforeSlash, 1_500)
		if free >= leastRoom {
			require.NoError(t, err)
			require.NoError(t, s.Close())
			continue
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, "are free on its disk, expected 20480 KB or more; free space")
	}
}

// A lock that cannot be made is not another process's.
func TestLockThatCannotBeMade(t *testing.T) {
	memory := vfs.NewMem()
	s, _, err := openFailing(memory, eventstore.BeforeSlash, 1_500)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	denied := errorfs.Wrap(memory, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpLock {
			return &fs.PathError{Op: "open", Path: op.Path, Err: syscall.EROFS}
		}
		return nil
	}))
	_, _, opening := openFailing(denied, eventstore.BeforeSlash, 1_500)
	logger := slog.New(slog.DiscardHandler)
	_, looking := inspect(roomy{denied, 1 << 40}, "index", onePartition(eventstore.BeforeSlash), logger)
	for _, err := range []error{opening, looking} {
		require.EqualError(t, err,
			"index folder index: open LOCK: read-only file system; name a folder that this process may write to")
	}
}
