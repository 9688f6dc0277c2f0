package kafka

import (
	"context"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka/deadletters"
	"github.com/fencelog/fencelog/kafka/internal/groups"
)

var _ subscription.Source = (*Store)(nil)

// Subscribe implements [subscription.Source]. It joins the consumer group, and returns once the
// group's brokers answer. [Classify] judges what the Classify of cfg leaves to the store.
// docs/delivery.md has a table of what a subscription tries again, and for how long. It also says
// what is set aside, and what stops a partition or the subscription.
//
// While a subscription runs, its Err is an *[OffsetError] or a *[CorruptError] if it has stopped
// handling a partition.
//
// Subscribe fails with
//   - all mistakes of cfg;
//   - [eventstore.ErrClosed] if the store is closed;
//   - an error of the client if brokers do not answer;
//   - the error or the cause of ctx if ctx ends.
func (s *Store) Subscribe(ctx context.Context, cfg subscription.Config) (subscription.Subscription, error) {
	cfg, err := cfg.Complete(s.cfg.Topics.CategoryNames())
	if err != nil {
		return nil, err
	}
	c, err := s.category(ctx, cfg.Category)
	if err != nil {
		return nil, err
	}
	if cfg.Start.AtEnd() { // the end at the time of the call, not when a partition is assigned
		cfg.Start = s.endOf(c)
	}
	partitions := make([]groups.Partition, len(c.partitions))
	for i, p := range c.partitions {
		partitions[i] = groups.Partition{Index: p.index, Reader: p.reader, Readable: p.Readable}
	}
	sub, err := groups.Subscribe(ctx, groups.Config{
		Connection: s.cfg.Connection, Used: s.cfg.Topics.Names(), Letters: s.cfg.Topics.DeadLetters(),
		Session: s.cfg.SubscriptionSession, Heartbeat: s.cfg.SubscriptionHeartbeat,
		CheckEvery: s.cfg.CheckEvery, Logger: s.cfg.Logger,
		Topic: c.topic, Partitions: partitions, PartitionKey: c.key,
		Classify: Classify, Reason: reason, Public: public,
	}, cfg, &s.subscriptions)
	if err != nil {
		return nil, err
	}
	return sub, nil
}

// DeadLetters implements [subscription.Source]. It connects to the dead-letter topic, as
// [deadletters.Open] does for tools that open no store.
func (s *Store) DeadLetters(ctx context.Context) (subscription.DeadLetters, error) {
	if err := s.over(ctx); err != nil {
		return nil, err
	}
	letters, err := deadletters.Open(ctx, s.cfg.Connection, s.cfg.Topics)
	if err != nil {
		return nil, err
	}
	return letters, nil
}

// endOf returns a start behind all that the store knows of the category.
func (s *Store) endOf(c *category) eventstore.Start {
	end := make(eventstore.Cursor)
	for i, p := range c.partitions {
		end[int32(i)] = p.index.Checkpoint().Next - 1
	}
	return eventstore.After(end)
}
