package kafka

import (
	"context"
	"fmt"
	"iter"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// Follow implements [eventstore.Store]. It reads the topic, one fetch of one partition at a time.
// At the end it asks no broker, and waits until the index has moved on.
func (s *Store) Follow(
	ctx context.Context, category string, start eventstore.Start,
) iter.Seq2[eventstore.Record, error] {
	c, err := s.category(ctx, category)
	if err != nil {
		return failing(err)
	}
	if start.AtEnd() { // the end at the time of the call, not when the loop begins
		start = s.endOf(c)
	}
	return func(yield func(eventstore.Record, error) bool) {
		if err := s.follow(ctx, c, start, yield); err != nil {
			yield(eventstore.Record{}, public(fmt.Errorf("follow %s: %w", c.topic, err)))
		}
	}
}

// followed is a partition, and how far a loop over it has come.
type followed struct {
	storedPartition

	tail *log.Tail
}

// follow returns nil if the caller breaks the loop, and otherwise the error that ends it.
func (s *Store) follow(
	ctx context.Context, c *category, start eventstore.Start, yield func(eventstore.Record, error) bool,
) error {
	woken := make(chan struct{}, 1)
	partitions := make([]followed, len(c.partitions))
	for i, p := range c.partitions {
		partitions[i] = followed{storedPartition: p, tail: p.reader.Tail(start)}
		defer p.index.Listen(woken)()
	}
	if err := s.over(ctx); err != nil {
		return err
	}
	broke := false
	each := func(r eventstore.Record, _ *sarama.Record) bool {
		broke = !yield(r, nil)
		return !broke
	}
	for {
		again := false
		for _, p := range partitions {
			more, err := p.tail.Next(ctx, p.index.Checkpoint().Next, each)
			if err == nil && !more {
				err = p.Readable()
			}
			if err != nil || broke {
				return err
			}
			again = again || more
		}
		if again {
			continue
		}
		select {
		case <-woken:
		case <-s.closed:
			return eventstore.ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
