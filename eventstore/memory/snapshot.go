package memory

import (
	"context"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
)

// snapshotName names a snapshot in a partition.
type snapshotName struct{ aggregateID, name string }

// Snapshot implements [eventstore.Store]. The store forgets no snapshot.
func (s *Store) Snapshot(ctx context.Context, stream eventstore.Stream, name string) (eventstore.Snapshot, error) {
	p, err := s.snapshotsPartition(ctx, stream, name, eventstore.Snapshot{})
	if err != nil {
		return eventstore.Snapshot{}, err
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.snapshots[snapshotName{stream.ID, name}], nil
}

// KeepSnapshot implements [eventstore.Store].
func (s *Store) KeepSnapshot(
	ctx context.Context, stream eventstore.Stream, name string, snapshot eventstore.Snapshot,
) error {
	p, err := s.snapshotsPartition(ctx, stream, name, snapshot)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if version := int64(len(p.streams[stream.ID])); snapshot.Version > version {
		return eventstore.SnapshotAhead(stream, snapshot, version)
	}
	p.snapshots[snapshotName{stream.ID, name}] = snapshot
	return nil
}

func (s *Store) snapshotsPartition(
	ctx context.Context, stream eventstore.Stream, name string, snapshot eventstore.Snapshot,
) (*partition, error) {
	err := eventstore.CheckSnapshot(stream, name, snapshot, s.keys[stream.Category])
	if err == nil {
		var p *partition
		if p, err = s.partition(ctx, stream); err == nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("snapshot of %s: %w", stream, err)
}
