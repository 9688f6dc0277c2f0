package kafka

import (
	"context"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
)

// Snapshot implements [eventstore.Store]. Snapshots lie in the index, so each instance has its own.
// If IndexDir is set, they outlast the process.
func (s *Store) Snapshot(ctx context.Context, stream eventstore.Stream, name string) (eventstore.Snapshot, error) {
	p, err := s.snapshots(ctx, stream, name, eventstore.Snapshot{})
	if err != nil {
		return eventstore.Snapshot{}, err
	}
	found, err := p.index.Snapshot(stream.ID, name)
	return eventstore.Snapshot(found), s.explained(err)
}

// KeepSnapshot implements [eventstore.Store]. The snapshot is saved to the disk with the events
// that come next, or when the store is closed. If more snapshots come at once than the index can
// hold in memory, it keeps some of them.
func (s *Store) KeepSnapshot(
	ctx context.Context, stream eventstore.Stream, name string, snapshot eventstore.Snapshot,
) error {
	p, err := s.snapshots(ctx, stream, name, snapshot)
	if err != nil {
		return err
	}
	ahead, err := p.index.KeepSnapshot(stream.ID, name, index.Snapshot(snapshot))
	if err == nil && ahead > 0 {
		return eventstore.SnapshotAhead(stream, snapshot, snapshot.Version-ahead)
	}
	return s.explained(err)
}

// snapshots returns the partition of a stream, if what is known of it can be read.
func (s *Store) snapshots(
	ctx context.Context, stream eventstore.Stream, name string, snapshot eventstore.Snapshot,
) (p storedPartition, err error) {
	key := eventstore.WholeID
	if c := s.categories[stream.Category]; c != nil {
		key = c.key
	}
	if err := eventstore.CheckSnapshot(stream, name, snapshot, key); err != nil {
		return p, err
	}
	if p, err = s.partitionOf(ctx, stream); err == nil {
		err = public(p.Readable())
	}
	return p, err
}
