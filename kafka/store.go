package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/groups"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/owner"
	"github.com/fencelog/fencelog/kafka/internal/partition"
	"github.com/fencelog/fencelog/kafka/internal/watch"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// Store is an event store in Kafka. It has a topic for each category. One process at a time is the
// only writer of a partition. Any number of goroutines may call the methods of a Store.
type Store struct {
	cfg        Config
	client     *client.Client
	index      *index.Store
	categories map[string]*category
	ownership  atomic.Pointer[ownership] // nil if the partitions are not shared, or Claim was not called

	subscriptions delivery.Subscriptions
	watch         *watch.Watch

	turn    chan struct{} // holds a token while a goroutine claims, or gives up for good
	claimed bool          // Claim has succeeded; only the token's holder reads and writes it

	closing  sync.Once
	closed   chan struct{}
	closeErr error
}

var _ eventstore.Store = (*Store)(nil)

type category struct {
	topic         string
	key           eventstore.PartitionKey
	keysUnchecked bool // by the proof
	partitions    []storedPartition
}

type storedPartition struct {
	*partition.Partition
	index  *index.Partition
	reader *log.Reader
}

// explained turns the error of an append into the one that its caller needs: a public error that
// says what to do.
func (s *Store) explained(err error) error {
	if err == nil {
		return nil
	}
	return explainRefusal(s.cfg.Connection.Security, s.ownership.Load().named(public(err)))
}

// Skipped returns how many records the reader rule has left out since the store was opened. Their
// writer was not the owner of the partition. Each was logged with its position.
func (s *Store) Skipped() int64 {
	var n int64
	for _, c := range s.categories {
		for _, p := range c.partitions {
			n += p.Skipped()
		}
	}
	return n
}

func (s *Store) category(ctx context.Context, category string) (*category, error) {
	if err := s.over(ctx); err != nil {
		return nil, err
	}
	c, ok := s.categories[category]
	if !ok {
		return nil, unknown(category)
	}
	return c, nil
}

// unknown is the error of a category that the store does not hold.
func unknown(category string) error {
	return &eventstore.InvalidError{
		Field: "category", Found: fmt.Sprintf("%q", category), Want: "one of the store's Categories",
	}
}

// readable returns the partition of a stream whose name nobody has checked yet.
func (s *Store) readable(ctx context.Context, stream eventstore.Stream) (storedPartition, error) {
	key := eventstore.WholeID
	if c := s.categories[stream.Category]; c != nil {
		key = c.key
	}
	if err := eventstore.CheckStream(stream, key); err != nil {
		return storedPartition{}, err
	}
	return s.partitionOf(ctx, stream)
}

func (s *Store) partitionOf(ctx context.Context, stream eventstore.Stream) (storedPartition, error) {
	c, err := s.category(ctx, stream.Category)
	if err != nil {
		return storedPartition{}, err
	}
	return c.partitions[wire.PartitionOf(c.key.Of(stream.ID), len(c.partitions))], nil
}

// public turns the mechanism's errors into those of this package.
func public(err error) error {
	if err == nil {
		return nil // allocates nothing, because every append comes here
	}
	return publicOf(err)
}

func publicOf(err error) error {
	var lost *claim.LostError
	var notOwner *owner.NotOwnerError
	var corrupt *log.CorruptError
	var refused *owner.RefusedError
	var unusable *index.UnusableError
	var offset *groups.OffsetError
	switch {
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		return err
	case errors.As(err, &lost):
		return &NotOwnerError{Topic: lost.Topic, Partition: lost.Partition, Err: err}
	case errors.As(err, &notOwner):
		return &NotOwnerError{Topic: notOwner.Topic, Partition: notOwner.Partition, Err: err}
	case errors.As(err, &corrupt):
		return &CorruptError{Topic: corrupt.Topic, Partition: corrupt.Partition, Offset: corrupt.Offset, Err: err}
	case errors.As(err, &refused):
		return &RefusedError{Topic: refused.Topic, Partition: refused.Partition, Err: err}
	case errors.As(err, &unusable):
		return &IndexError{Dir: unusable.Dir, Err: err}
	case errors.As(err, &offset):
		return &OffsetError{
			Group: offset.Group, Topic: offset.Topic, Partition: offset.Partition, Offset: offset.Offset,
			Begin: offset.Begin, End: offset.End, Err: err,
		}
	}
	return err
}
