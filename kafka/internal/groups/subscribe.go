package groups

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/kafka/internal/client"
)

// member is one member of a consumer group.
type member struct {
	*delivery.Subscriber

	cfg     Config
	sub     subscription.Config
	client  *client.Client
	group   sarama.ConsumerGroup
	letters *mailbox
}

// Subscribe joins the consumer group. It returns once the group's brokers answer. sub must be
// complete. It must not start at the end: the caller knows where the end is, and says so. The
// subscription is one of those in of, which the store closes before itself.
//
// Subscribe fails
//   - with [eventstore.ErrClosed] if the store takes no subscription any more;
//   - if the brokers do not answer;
//   - if ctx ends.
func Subscribe(
	ctx context.Context, cfg Config, sub subscription.Config, of *delivery.Subscriptions,
) (*delivery.Subscriber, error) {
	c, err := client.ConnectWith(ctx, cfg.Connection, cfg.Used, cfg.sarama())
	if err != nil {
		return nil, err
	}
	c.Conns.Patient(c.Config().Consumer.Group.Rebalance.Timeout) // m.Stands tells that the member has yet to join
	group, err := sarama.NewConsumerGroupFromClient(sub.Group, c)
	if err != nil {
		c.Disconnect()
		return nil, err
	}
	ls, err := openLetters(ctx, cfg)
	if err != nil {
		_ = group.Close()
		c.Disconnect()
		return nil, err
	}
	m := &member{cfg: cfg, sub: sub, client: c, group: group, letters: ls}
	m.Subscriber = delivery.NewSubscriber(sub, delivery.Store{
		Topic: cfg.Topic, Partitions: len(cfg.Partitions), PartitionKey: cfg.PartitionKey,
		Next:  func(n int32) int64 { return cfg.Partitions[n].Index.Checkpoint().Next },
		Write: ls.writer.Write, Read: ls.log.Letter, LettersEnd: ls.log.End,
		Classify: cfg.Classify, Reason: cfg.Reason, Public: cfg.Public, Logger: cfg.Logger,
	})
	if err := m.Start(ctx, of, m.run); err != nil {
		ls.close()
		_ = group.Close()
		c.Disconnect()
		return nil, err
	}
	return m.Subscriber, nil
}

// run is a member of the group until ctx ends or the subscription cannot go on.
func (m *member) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	var failures atomic.Int64 // that Sarama reports within sessions
	group.Go(func() {
		for err := range m.group.Errors() {
			failures.Add(1)
			m.Stands.Trouble(delivery.WholeMember, err)
			m.cfg.Logger.Warn("consumer group", "group", m.sub.Group, "error", err)
		}
	})
	group.Go(func() { m.letters.run(ctx, m.Subscriber, m.cfg.Logger) })
	pause := firstRejoin
	for ctx.Err() == nil {
		m.Stands.Begins(delivery.WholeMember, joining)
		before := failures.Load()
		err := m.group.Consume(ctx, []string{m.cfg.Topic}, claims{m})
		if m.Failed() != nil || errors.Is(err, sarama.ErrClosedConsumerGroup) ||
			errors.Is(err, sarama.ErrClosedClient) {
			break
		}
		if err == nil && failures.Load() == before { // the group assigns partitions anew, say
			pause = firstRejoin
		}
		if err != nil {
			m.Stands.Fails(delivery.WholeMember, err)
			m.cfg.Logger.Warn("consumer group is joined again", "group", m.sub.Group, "after", pause, "error", err)
		}
		_ = clock.Wait(ctx, pause) // its end shows in the loop's condition
		pause = min(2*pause, longRejoin)
	}
	stop()
	if err := m.group.Close(); err != nil {
		m.cfg.Logger.Warn("consumer group was not left", "group", m.sub.Group, "error", err)
	}
	group.Wait()
	m.letters.close()
	m.client.Disconnect()
}
