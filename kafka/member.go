package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/panics"
	"github.com/fencelog/fencelog/kafka/internal/deadletter"
	"github.com/fencelog/fencelog/kafka/internal/delivery"
	"github.com/fencelog/fencelog/kafka/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/partition"
)

// member is what Sarama calls when partitions are assigned and taken away. Sarama keeps the membership and the offsets; the
// records are read as every other reader of the store reads them, so Sarama's own fetching is paused.
type member struct{ *Subscription }

var _ sarama.ConsumerGroupHandler = member{}

// Setup implements sarama.ConsumerGroupHandler.
func (m member) Setup(sarama.ConsumerGroupSession) error { return nil }

// Cleanup implements sarama.ConsumerGroupHandler.
func (m member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim implements sarama.ConsumerGroupHandler: it handles one partition until that is taken away.
func (m member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	n := claim.Partition()
	m.group.Pause(map[string][]int32{claim.Topic(): {n}})
	if int(n) >= len(m.category.partitions) {
		return m.idle(session.Context(), claim)
	}
	ctx, cancel := context.WithCancel(session.Context())
	var revoked sync.WaitGroup
	revoked.Go(func() {
		defer cancel()
		for range claim.Messages() { // closed when the partition is taken away
			continue
		}
	})
	err := m.handle(ctx, session, n, claim.InitialOffset())
	m.unmark(n)
	switch {
	case ctx.Err() != nil:
		err = nil
	case lasting(err):
		m.broken(err)
	}
	if err == nil {
		revoked.Wait()
		return nil
	}
	return fmt.Errorf("handle %s partition %d: %w", claim.Topic(), n, err) // Sarama ends the session, and with it the messages
}

// idle handles a partition beyond the configured ones, in which there is nothing, until that is taken away.
func (m member) idle(ctx context.Context, claim sarama.ConsumerGroupClaim) error {
	why, err := m.client.used(ctx, claim.Topic(), claim.Partition())
	if err == nil && why != "" {
		err = &partition.CorruptError{
			Topic: claim.Topic(), Partition: claim.Partition(), Cause: partition.ErrPartitionsChanged,
			Found: fmt.Sprintf("the topic has more partitions than the %d that are configured, and this one %s; "+
				"configure the number that events were written with", len(m.category.partitions), why),
		}
		m.broken(err)
	}
	if err != nil {
		return fmt.Errorf("handle %s partition %d: %w", claim.Topic(), claim.Partition(), err)
	}
	for range claim.Messages() { // closed when the partition is taken away
		continue
	}
	return nil
}

// lasting reports whether joining again would end the same.
func lasting(err error) bool {
	var corrupt *partition.CorruptError
	var failed *index.UnusableError
	return errors.Is(err, eventstore.ErrClosed) || errors.As(err, &corrupt) || errors.As(err, &failed)
}

// handle handles a partition until ctx ends.
func (m member) handle(ctx context.Context, session sarama.ConsumerGroupSession, n int32, committed int64) error {
	p := m.category.partitions[n]
	if committed < 0 {
		var err error
		if committed, err = m.begin(ctx, p); err != nil {
			return err
		}
		// At once: whoever has the partition next must not begin elsewhere.
		session.MarkOffset(m.category.topic, n, committed, "")
		session.Commit()
	}
	m.mark(n, committed)
	woken := make(chan struct{}, 1)
	defer p.index.Listen(woken)()
	tail := p.reader.Tail(eventstore.After(eventstore.Cursor{n: committed - 1}))
	if err := tail.Place(ctx); err != nil {
		return err
	}
	cfg := m.delivery(n)
	cfg.Source = func(ctx context.Context, yield func(eventstore.Record, *sarama.Record) bool) (int64, error) {
		for {
			if end := p.index.Checkpoint().Next; tail.Offset() < end {
				_, err := tail.Next(ctx, end, yield)
				return tail.Offset(), err
			}
			if err := p.Readable(); err != nil {
				return tail.Offset(), err
			}
			select {
			case <-woken:
			case <-ctx.Done():
				return tail.Offset(), context.Cause(ctx)
			}
		}
	}
	cfg.Commit = func(offset int64) {
		session.MarkOffset(m.category.topic, n, offset, "")
		m.mark(n, offset)
	}
	return m.letters.attached(ctx, n, func(parked *deadletter.Parked) *delivery.Runner {
		return delivery.New(cfg, committed, parked)
	})
}

// begin returns the offset at which the group begins with the partition.
func (m member) begin(ctx context.Context, p storedPartition) (int64, error) {
	tail := p.reader.Tail(m.cfg.Start)
	if m.cfg.Start.Time().IsZero() {
		err := tail.Place(ctx)
		return tail.Offset(), err
	}
	end := p.index.Checkpoint().Next
	first := end
	for more := true; more; {
		var err error
		more, err = tail.Next(ctx, end, func(r eventstore.Record, _ *sarama.Record) bool {
			first = r.Position.Offset
			return false
		})
		if err != nil {
			return 0, err
		}
	}
	return first, nil
}

// maxInFlightBytes bounds the values of one partition that are read and not handled.
const maxInFlightBytes = 32 << 20

// delivery returns what is the same for all partitions: all but Source and Commit.
func (m member) delivery(n int32) delivery.Config {
	return delivery.Config{
		Handler: m.cfg.Group, Topic: m.category.topic, Partition: n,
		Handle:   m.call,
		Judge:    func(err error) delivery.Verdict { return delivery.Verdict(m.cfg.Classify(err)) },
		Pause:    m.pause,
		Sleep:    clock.Wait,
		Now:      clock.Now,
		Write:    m.letters.writer.write,
		Read:     m.letters.read,
		Attempts: m.cfg.Retry.Attempts, Concurrency: m.cfg.Concurrency, MaxInFlight: m.cfg.MaxInFlight, MaxBytes: maxInFlightBytes,
		Counts: &m.counts,
	}
}

// call calls the handler.
func (m member) call(ctx context.Context, r eventstore.Record) error {
	return panics.Guard("handler of group "+m.cfg.Group, func() error { return m.cfg.Handler(event.WithCause(ctx, r.Cause()), r) })
}
