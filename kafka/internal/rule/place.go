package rule

import (
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// belong fails with a *[log.CorruptError] unless each record of a commit belongs to the partition,
// and all of them have one partition key.
func (f *Follower) belong(commit []eventstore.Record) error {
	for i := range commit {
		r := &commit[i]
		if i > 0 && r.AggregateID == commit[i-1].AggregateID {
			continue
		}
		if err := f.belongsHere(r); err != nil {
			return err
		}
		if found, want := f.cfg.Key.Of(r.AggregateID), f.cfg.Key.Of(commit[0].AggregateID); found != want {
			return f.Corrupt(r.Position.Offset, fmt.Sprintf(
				"a commit of two partition keys (%s), %q of stream %q and %q of stream %q: "+
					"the partition key of the category was changed, or another program wrote this; "+
					"configure the partition key that the events were written with",
				f.cfg.Key, want, commit[0].AggregateID, found, r.AggregateID))
		}
	}
	return nil
}

// belongsHere fails with a *[log.CorruptError] unless the record's stream belongs to the partition.
func (f *Follower) belongsHere(r *eventstore.Record) error {
	key := f.cfg.Key.Of(r.AggregateID)
	belongs := int32(wire.PartitionOf(key, int(f.cfg.Partitions)))
	if belongs == f.cfg.Partition {
		return nil
	}
	return &log.CorruptError{
		Topic: f.cfg.Topic, Partition: f.cfg.Partition, Offset: r.Position.Offset, Cause: log.ErrPartitionsChanged,
		Found: fmt.Sprintf("version %d of stream %q is here, "+
			"and by its partition key %q (%s) it belongs to partition %d of %d: "+
			"the number of partitions or the partition key was changed after events were written; "+
			"configure what the events were written with (a topic may have more partitions, if those are empty)",
			r.AggregateVersion, r.AggregateID, key, f.cfg.Key, belongs, f.cfg.Partitions),
	}
}
