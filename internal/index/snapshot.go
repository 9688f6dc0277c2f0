package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2"
)

// Snapshot is what the first events of a stream make, as somebody has encoded it. The index can
// lose it at any time.
type Snapshot struct {
	Version int64 // the number of the events; 0 if there is none
	Value   []byte
}

// MaxSnapshotBytes bounds the value of a snapshot.
const MaxSnapshotBytes = 1 << 20

// A snapshot waits in memory until a piece is saved that was filled after the snapshot came. So the
// database never has a snapshot without the events that it is made of:
//
//	S1  A snapshot has no event that the index does not hold when the snapshot comes.
//	S2  The snapshots that wait are saved in the same write as the piece that is the newest one when
//	    they wait, or in a later one.

// snapshotName is what a snapshot is of, encoded as it is in the snapshot's key.
func snapshotName(aggregateID, name string) []byte {
	return appendText(appendText(make([]byte, 0, usualSnapshotName), aggregateID), name)
}

// usualSnapshotName is a length that suffices for most names.
const usualSnapshotName = 96

// bytesOfSnapshot is about what a snapshot takes in memory beside its name and value.
const bytesOfSnapshot = 96

// KeepSnapshot keeps the snapshot of that name instead of the one before. It forgets that one only
// if the version is 0. If too many snapshots wait to be saved, it keeps none. If the stream has
// fewer events than the snapshot is made of, KeepSnapshot keeps none, and returns how many are
// missing. The caller must not change the value afterwards.
func (p *Partition) KeepSnapshot(aggregateID, name string, s Snapshot) (ahead int64, err error) {
	version, err := p.Version(aggregateID)
	if ahead = max(s.Version-version, 0); err != nil || ahead > 0 {
		return ahead, err
	}
	key := snapshotName(aggregateID, name)
	value := encodeSnapshot(key, s)
	p.mu.Lock()
	defer p.mu.Unlock()
	size := len(key) + len(value) + bytesOfSnapshot
	old, waits := p.snapshots[string(key)]
	if waits {
		size -= len(key) + len(old) + bytesOfSnapshot
	}
	if p.snapshotBytes+size > max(p.store.pieceBytes, MaxSnapshotBytes+bytesOfSnapshot) && s.Version > 0 {
		return 0, nil
	}
	if p.snapshots == nil {
		p.snapshots = make(map[string][]byte)
	}
	p.snapshots[string(key)] = value
	p.snapshotBytes += size
	return 0, nil
}

// Snapshot returns the snapshot of that name that was kept last. If it cannot be read, the error
// says so, and the caller should forget it.
func (p *Partition) Snapshot(aggregateID, name string) (s Snapshot, err error) {
	key := snapshotName(aggregateID, name)
	err = p.use(func(db *pebble.DB) error {
		value, waits := p.waitingSnapshot(key)
		if waits {
			s, err = decodeSnapshot(key, value)
			return err
		}
		it, err := p.store.iterators.open(db)
		if err != nil {
			return err
		}
		defer p.store.iterators.done(it)
		if !it.SeekPrefixGE(append(appendSlot(make([]byte, 0, usualSnapshotName), kindSnapshot, p.slot), key...)) {
			return it.Error()
		}
		if value, err = it.ValueAndErr(); err != nil {
			return err
		}
		s, err = decodeSnapshot(key, value)
		return err
	})
	if err != nil {
		return Snapshot{}, fmt.Errorf("snapshot of stream %q: %w", aggregateID, err)
	}
	return s, nil
}

// waitingSnapshot returns a snapshot that is not saved yet.
func (p *Partition) waitingSnapshot(key []byte) (value []byte, waits bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if value, waits = p.snapshots[string(key)]; !waits && p.older != nil {
		value, waits = p.older.snapshots[string(key)]
	}
	return value, waits
}

// takeSnapshots returns the snapshots that wait, to be saved with the newest piece. p.mu is held,
// unless nothing else uses the partition any more.
func (p *Partition) takeSnapshots() map[string][]byte {
	taken := p.snapshots
	p.snapshots, p.snapshotBytes = nil, 0
	return taken
}

// encodeSnapshot returns the snapshot as it is stored: its checksum, which its name is part of, its
// version, and its value. A snapshot that is forgotten is stored with version 0.
func encodeSnapshot(key []byte, s Snapshot) []byte {
	b := make([]byte, crc32.Size, crc32.Size+binary.MaxVarintLen64+len(s.Value))
	b = binary.AppendUvarint(b, uint64(s.Version))
	if s.Version > 0 {
		b = append(b, s.Value...)
	}
	binary.BigEndian.PutUint32(b, snapshotSum(key, b[crc32.Size:]))
	return b
}

func snapshotSum(key, rest []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, table), table, rest)
}

// decodeSnapshot reads what encodeSnapshot wrote. The snapshot keeps no reference to value.
func decodeSnapshot(key, value []byte) (Snapshot, error) {
	if len(value) < crc32.Size || binary.BigEndian.Uint32(value) != snapshotSum(key, value[crc32.Size:]) {
		return Snapshot{}, fmt.Errorf("%w: its checksum is wrong", errSnapshot)
	}
	n := numbers{left: value[crc32.Size:]}
	s := Snapshot{Version: int64(n.next())}
	if n.bad || s.Version < 0 {
		return Snapshot{}, fmt.Errorf("%w: it has no version", errSnapshot)
	}
	if s.Version > 0 {
		s.Value = bytes.Clone(n.left)
	}
	return s, nil
}
