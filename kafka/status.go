package kafka

import (
	"context"

	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/sharing"
	"github.com/fencelog/fencelog/kafka/internal/watch"
	"github.com/fencelog/fencelog/kafka/topics"
)

// PartitionStatus is what a store knows about one of its partitions.
type PartitionStatus struct {
	Topic     string
	Partition int32
	Owned     bool  // as far as this instance knows, it owns the partition
	NotOwned  error // why this instance does not own it, and what it does about that; nil if it is Owned
	// the address that the owner advertises, see [Sharing]; empty if the address is not known, or
	// if nobody advertises one
	Owner   string
	Next    int64 // the first offset that the index does not hold
	Lag     int64 // offsets that the index does not hold, by the partition's end that a broker told last
	Skipped int64 // records that the reader rule has left out since the store was opened
	Err     error // why this store cannot read it, for good or until brokers accept it again; nil if it can
	Ended   bool  // Err lasts until the store is opened again
	// why this instance is not in the group that shares the partitions, see [Sharing]; nil if it
	// is, or if there is no group
	Outside error
}

// Status returns what the store knows about each partition, in the order of Categories and
// partitions. It asks no broker.
func (s *Store) Status() []PartitionStatus {
	var all []PartitionStatus
	shared := s.ownership.Load()
	for _, g := range s.cfg.Topics.Categories {
		c, ok := s.categories[g.Name]
		if !ok {
			continue
		}
		for i, p := range c.partitions {
			owned := public(p.NotOwned())
			at := sharing.Partition{Topic: c.topic, ID: int32(i)}
			all = append(all, PartitionStatus{
				Topic: at.Topic, Partition: at.ID, Owned: owned == nil, NotOwned: owned, Owner: shared.address(at),
				Next: p.index.Checkpoint().Next, Lag: p.Lag(), Skipped: p.Skipped(), Err: public(p.Readable()),
				Ended: p.Ended(), Outside: shared.excluded(),
			})
		}
	}
	return all
}

// IndexBytes returns the size of the index, on disk or in memory. It is 0 once the store is closed.
func (s *Store) IndexBytes() int64 { return s.index.Bytes() }

// TopicHealth returns what the store has seen of its topics. The store looks every
// [Config].CheckEvery. This method asks no broker.
func (s *Store) TopicHealth() topics.Health { return s.watch.Health() }

// startWatch begins to look at the topics.
func (s *Store) startWatch(ctx context.Context, ids client.IDs) error {
	all, err := s.cfg.Topics.All()
	if err != nil {
		return err
	}
	var logs []watch.Log
	for _, g := range s.cfg.Topics.Categories {
		for _, p := range s.categories[g.Name].partitions {
			logs = append(logs, watch.Log{
				Topic: p.reader.Topic, Partition: p.reader.Partition, Readable: p.Readable,
				Known: func() int64 { return p.index.Checkpoint().Next }, Probe: p.reader.Probe,
			})
		}
	}
	s.watch = watch.Start(ctx, watch.Config{
		Client: s.client, Security: s.cfg.Connection.Security, Topics: all, IDs: ids.Topics, Logs: logs,
		Every: s.cfg.CheckEvery, Answer: s.cfg.Connection.RequestTimeout, Logger: s.cfg.Logger,
		Changed: s.cfg.Hooks.Topic,
	})
	return nil
}
