package rule

import (
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// belongsHere fails with a *[log.CorruptError] unless the record's stream belongs to the partition.
func (f *Follower) belongsHere(r *eventstore.Record) error {
	belongs := int32(wire.PartitionOf(r.AggregateID, int(f.cfg.Partitions)))
	if belongs == f.cfg.Partition {
		return nil
	}
	return &log.CorruptError{
		Topic: f.cfg.Topic, Partition: f.cfg.Partition, Offset: r.Position.Offset, Cause: log.ErrPartitionsChanged,
		Found: fmt.Sprintf("version %d of stream %q is here, and of %d partitions it belongs to partition %d: "+
			"the number of partitions was changed after events were written; "+
			"configure the number that the events were written with (a topic may have more partitions, "+
			"if those are empty)",
			r.AggregateVersion, r.AggregateID, f.cfg.Partitions, belongs),
	}
}
