package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// keptSnapshots is what was kept in an index: for each stream and name, what was kept last, and all
// that ever was.
type keptSnapshots struct {
	rng  *rand.Rand
	last map[string]Snapshot
	ever map[string][]Snapshot
}

func keep(t *testing.T, p *Partition, id, name string, s Snapshot) {
	t.Helper()
	ahead, err := p.KeepSnapshot(id, name, s)
	require.NoError(t, err)
	require.Zero(t, ahead)
}

func (k *keptSnapshots) keep(t *testing.T, w *world, p *Partition) {
	t.Helper()
	for id, events := range w.streams {
		if len(events) == 0 || k.rng.IntN(3) > 0 {
			continue
		}
		name := fmt.Sprint("name ", k.rng.IntN(2))
		s := Snapshot{Version: int64(len(events)), Value: make([]byte, k.rng.IntN(40))}
		for i := range s.Value {
			s.Value[i] = byte(k.rng.Int())
		}
		if k.rng.IntN(5) == 0 {
			s = Snapshot{}
		}
		keep(t, p, id, name, Snapshot{s.Version, bytes.Clone(s.Value)})
		key := id + " " + name
		k.last[key], k.ever[key] = s, append(k.ever[key], s)
		break
	}
}

// require compares the snapshots with what was kept. After a crash they may be earlier ones.
func (k *keptSnapshots) require(t *testing.T, w *world, p *Partition, crashed bool) {
	t.Helper()
	for id := range w.streams {
		for n := range 2 {
			name := fmt.Sprint("name ", n)
			found, err := p.Snapshot(id, name)
			require.NoError(t, err)
			if found.Value = append([]byte{}, found.Value...); found.Version == 0 {
				require.Empty(t, found.Value)
			}
			key := id + " " + name
			if !crashed {
				want := k.last[key]
				require.Equal(t, Snapshot{want.Version, append([]byte{}, want.Value...)}, found)
				continue
			}
			version, err := p.Version(id)
			require.NoError(t, err)
			require.LessOrEqual(t, found.Version, version, "S2: the index holds the events of its snapshots")
			if found.Version > 0 {
				require.Contains(t, k.ever[key], found)
			}
		}
	}
}

// Snapshots are what was kept last, wherever they are. After a crash they may be earlier ones, and
// never of more events than the index holds.
func TestSnapshots(t *testing.T) {
	rng := seeded(t)
	for range 30 {
		w, fs := newWorld(rng, drawKey(rng)), vfs.NewCrashableMem()
		k := &keptSnapshots{rng: rng, last: make(map[string]Snapshot), ever: make(map[string][]Snapshot)}
		s, p := openOn(t, w.key, fs, 1_500)
		for range 40 {
			require.NoError(t, p.Apply(w.change()))
			k.keep(t, w, p)
			switch rng.IntN(8) {
			case 0:
				s.flushed()
			case 1:
				require.NoError(t, s.Close())
				s, p = openOn(t, w.key, fs, 1_500)
			}
			k.require(t, w, p, false)
			if rng.IntN(4) == 0 {
				lost := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
				s, p := openOn(t, w.key, lost, 1_500)
				k.require(t, w, p, true)
				require.NoError(t, s.Close())
			}
		}
		require.NoError(t, s.Close())
	}
}

// A snapshot that nothing follows is saved when the index is closed, and the checkpoint stays.
func TestSnapshotOfAnIndexThatIsOnlyRead(t *testing.T) {
	w, fs := newWorld(seeded(t), eventstore.WholeID), vfs.NewMem()
	w.names = 1
	s, p := openOn(t, w.key, fs, 1<<20)
	require.NoError(t, p.Apply(w.change()))
	for len(w.streams["0"]) == 0 {
		require.NoError(t, p.Apply(w.change()))
	}
	require.NoError(t, s.Close())
	s, p = openOn(t, w.key, fs, 1<<20)
	keep(t, p, "0", "n", Snapshot{Version: 1, Value: []byte("v")})
	require.NoError(t, s.Close())
	s, p = openOn(t, w.key, fs, 1<<20)
	require.Equal(t, w.checkpoint, p.Checkpoint())
	found, err := p.Snapshot("0", "n")
	require.NoError(t, err)
	require.Equal(t, Snapshot{1, []byte("v")}, found)
	ahead, err := p.KeepSnapshot("0", "n", Snapshot{Version: int64(len(w.streams["0"])) + 3})
	require.NoError(t, err)
	require.EqualValues(t, 3, ahead, "S1")
	require.NoError(t, s.Close())
	_, err = p.KeepSnapshot("0", "n", Snapshot{Version: 1})
	require.Error(t, err)
	_, err = p.Snapshot("0", "n")
	require.Error(t, err)
}

// A damaged snapshot is no snapshot, and says so.
func TestDamagedSnapshot(t *testing.T) {
	w, fs := newWorld(seeded(t), eventstore.WholeID), vfs.NewMem()
	w.names = 1
	s, p := openOn(t, w.key, fs, 1<<20)
	for len(w.streams["0"]) == 0 {
		require.NoError(t, p.Apply(w.change()))
	}
	keep(t, p, "0", "n", Snapshot{Version: 1, Value: []byte("value")})
	require.NoError(t, s.Close())
	s, p = openOn(t, w.key, fs, 1<<20)
	key := append(appendSlot(nil, kindSnapshot, p.slot), snapshotName("0", "n")...)
	set := func(key, value []byte) {
		require.NoError(t, s.db.Set(key, value, pebble.NoSync))
		s.iterators.outdate()
	}
	var good []byte
	require.NoError(t, get(s.db, key, func(v []byte) error { good = bytes.Clone(v); return nil }))
	for bit := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		set(key, bad)
		_, err := p.Snapshot("0", "n")
		require.ErrorContains(t, err, `snapshot of stream "0"`)
		require.ErrorIs(t, err, errSnapshot)
	}
	for length := range len(good) {
		set(key, good[:length])
		_, err := p.Snapshot("0", "n")
		require.ErrorIs(t, err, errSnapshot)
	}
	other := append(appendSlot(nil, kindSnapshot, p.slot), snapshotName("0", "o")...)
	set(other, good) // in another's place
	_, err := p.Snapshot("0", "o")
	require.ErrorIs(t, err, errSnapshot)
	keep(t, p, "0", "n", Snapshot{})
	found, err := p.Snapshot("0", "n")
	require.NoError(t, err)
	require.Zero(t, found)
	require.NoError(t, s.Close())
}

// Snapshots that wait are bounded in memory. More of them are not kept.
func TestWaitingSnapshotsAreBounded(t *testing.T) {
	w := newWorld(seeded(t), eventstore.WholeID)
	w.names = 1
	s, p := openOn(t, w.key, vfs.NewMem(), 1<<20)
	for len(w.streams["0"]) == 0 {
		require.NoError(t, p.Apply(w.change()))
	}
	const size = MaxSnapshotBytes / 4
	value := make([]byte, size)
	kept := 0
	for n := range 20 {
		keep(t, p, "0", fmt.Sprint(n), Snapshot{Version: 1, Value: value})
		found, err := p.Snapshot("0", fmt.Sprint(n))
		require.NoError(t, err)
		kept += int(found.Version)
	}
	require.Greater(t, kept, 2)
	require.LessOrEqual(t, kept*size, MaxSnapshotBytes)
	require.Less(t, p.recentBytes(), 2*MaxSnapshotBytes)
	require.NoError(t, s.Close())
}
