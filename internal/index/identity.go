package index

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fencelog/fencelog/eventstore"
)

// Identity says of which cluster and topics an index is. Two topics of one name are the same if and
// only if their ids are.
type Identity struct {
	ClusterID string
	Topics    map[string]Topic // by name
}

// Topic is one topic of an [Identity].
type Topic struct {
	ID           string // given by the cluster when the topic was made
	Partitions   int32
	PartitionKey eventstore.PartitionKey // of the category whose events are in the topic
}

// saved is what a store keeps of itself.
type saved struct {
	Identity Identity
	Slots    []slotName // the place is the slot
}

// identify compares the index with what it is opened for, and gives new partitions their slots.
func (s *Store) identify(dir string, id Identity) error {
	kept, err := s.load()
	if err != nil {
		return unusable(dir, err)
	}
	if kept == nil {
		kept = &saved{Identity: Identity{ClusterID: id.ClusterID, Topics: make(map[string]Topic)}}
	}
	if kept.Identity.ClusterID != id.ClusterID {
		return otherCluster(dir, kept.Identity.ClusterID, id.ClusterID)
	}
	s.slots = make(map[slotName]uint16)
	for i, name := range kept.Slots {
		s.slots[name] = uint16(i)
	}
	for name, topic := range id.Topics {
		before, known := kept.Identity.Topics[name]
		if known && before != topic {
			return changed(dir, name, before, topic)
		}
		kept.Identity.Topics[name] = topic
		for p := range topic.Partitions {
			if _, known := s.slots[slotName{name, p}]; !known {
				s.slots[slotName{name, p}] = uint16(len(kept.Slots))
				kept.Slots = append(kept.Slots, slotName{name, p})
			}
		}
	}
	s.topics = kept.Identity.Topics
	s.pieceBytes = min(max(recentBytes/max(len(kept.Slots), 1), minPieceBytes), maxPieceBytes)
	value, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return s.db.Set(identityKey(), value, pebble.NoSync)
}

func otherCluster(dir, before, now string) error {
	return &UnusableError{
		Dir: dir, Found: fmt.Sprintf("the index of cluster %s, and the brokers are of cluster %s", before, now),
		Do: "name the folder of this cluster's index, or delete it if the cluster was replaced by a copy of itself",
	}
}

func changed(dir, name string, before, now Topic) error {
	e := &UnusableError{Dir: dir}
	switch {
	case before.Partitions != now.Partitions:
		e.Found = fmt.Sprintf("topic %s had %d partitions and has %d", name, before.Partitions, now.Partitions)
		e.Do = "the number can never change, as events would be looked for in the wrong partition: " +
			"restore the topic as it was"
	case before.ID != now.ID:
		e.Found = fmt.Sprintf("topic %s had id %s and has %s: it was deleted and made anew", name, before.ID, now.ID)
		e.Do = "restore the topic, or delete the folder if its events were meant to go"
	default:
		e.Found = fmt.Sprintf("topic %s had partition key %s and has %s", name, before.PartitionKey, now.PartitionKey)
		e.Do = "configure the partition key that the events were written with: " +
			"it can never change, as events would be looked for in the wrong partition"
	}
	return e
}

func (s *Store) load() (*saved, error) {
	value, closer, err := s.db.Get(identityKey())
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	var kept saved
	if err := json.Unmarshal(value, &kept); err != nil {
		return nil, fmt.Errorf("its description cannot be read: %w", err)
	}
	return &kept, nil
}
