package index

import (
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

// A full disk ends what is applied, and the error says so; what was applied before is read as it was, and after a restart with room the index is
// that of a checkpoint it once had.
func TestFullDisk(t *testing.T) {
	w := newWorld(seeded(t))
	memory := vfs.NewCrashableMem()
	full := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFileSync, errorfs.OpFileSyncData:
			return syscall.ENOSPC
		default:
			return nil
		}
	})}
	s, p := openOn(t, errorfs.Wrap(memory, full), 2_000)
	for range 50 {
		require.NoError(t, p.Apply(w.change()))
	}
	full.On()
	var err error
	for err == nil {
		before := w.copy()
		if err = p.Apply(w.change()); err != nil {
			w = before
		}
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, "index of t partition 1")
	w.requireSame(t, p, w.checkpoint.Next)
	require.ErrorIs(t, s.Close(), syscall.ENOSPC)

	s, p = openOn(t, memory, 2_000)
	at := p.Checkpoint()
	require.Contains(t, w.states, at.Next)
	w.requireSame(t, p, at.Next)
	require.NoError(t, s.Close())
}
