package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/goroutine"
	"github.com/fencelog/fencelog/kafka/internal/deadletter"
	"github.com/fencelog/fencelog/kafka/internal/delivery"
	"github.com/fencelog/fencelog/kafka/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/partition"
)

// member is what Sarama calls when partitions are assigned and taken away. Sarama keeps the
// membership and the offsets; the records are read as every other reader of the store reads them,
// so Sarama's own fetching is paused.
type member struct{ *Subscription }

var _ sarama.ConsumerGroupHandler = member{}

// Setup implements sarama.ConsumerGroupHandler.
func (m member) Setup(session sarama.ConsumerGroupSession) error {
	m.stands.gets(session.Claims()[m.category.topic])
	return nil
}

// Cleanup implements sarama.ConsumerGroupHandler.
func (m member) Cleanup(sarama.ConsumerGroupSession) error {
	m.stands.begins(wholeMember, joining)
	return nil
}

// ConsumeClaim implements sarama.ConsumerGroupHandler: it handles one partition until that is taken
// away. It returns earlier only if the subscription ends. If one call returns, Sarama ends the
// session, and all other partitions stop too.
func (m member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	n := claim.Partition()
	m.group.Pause(map[string][]int32{claim.Topic(): {n}})
	ctx, cancel := context.WithCancel(session.Context())
	var revoked sync.WaitGroup
	revoked.Go(func() {
		defer cancel()
		for range claim.Messages() { // closed when the partition is taken away
			continue
		}
	})
	defer func() { m.stands.leaves(n, session.Context().Err() != nil) }()
	if err := m.keep(ctx, n, func() error { return m.handle(ctx, session, n) }); err != nil {
		m.broken(err)
		return err // Sarama ends the session, and with it the messages
	}
	revoked.Wait()
	return nil
}

// keep calls handle until ctx ends, again after a pause where it fails. An error that no other
// attempt can mend stops the partition; one that concerns all partitions is returned.
func (m member) keep(ctx context.Context, n int32, handle func() error) error {
	pause := firstRejoin
	for {
		begun := clock.Reading()
		err := handle()
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the partition was taken away
		}
		err = fmt.Errorf("group %s, %s partition %d: %w", m.cfg.Group, m.category.topic, n, err)
		if ends(err) {
			return err
		}
		if stops(err) {
			m.stands.stops(n, public(err))
			<-ctx.Done()
			return nil
		}
		m.stands.fails(n, err)
		if clock.Reading().Sub(begun) > longRejoin {
			pause = firstRejoin
		}
		if clock.Wait(ctx, pause) != nil {
			return nil //nolint:nilerr // the partition was taken away
		}
		pause = min(2*pause, longRejoin)
	}
}

// ends reports whether the error ends the subscription: it concerns all partitions, and trying
// again here cannot mend it.
func ends(err error) bool {
	var corrupt *partition.CorruptError
	var failed *index.UnusableError
	return errors.Is(err, eventstore.ErrClosed) || errors.As(err, &failed) ||
		errors.Is(err, errLettersDeleted) ||
		errors.As(err, &corrupt) && errors.Is(corrupt.Cause, partition.ErrPartitionsChanged)
}

// stops reports whether the error stops the partition: somebody must mend something first.
func stops(err error) bool {
	var corrupt *partition.CorruptError
	var offset *OffsetError
	return errors.As(err, &corrupt) || errors.As(err, &offset)
}

// handle handles a partition until ctx ends or something fails.
func (m member) handle(ctx context.Context, session sarama.ConsumerGroupSession, n int32) error {
	if int(n) >= len(m.category.partitions) {
		return m.spare(ctx, n)
	}
	p := m.category.partitions[n]
	next, err := m.place(ctx, session, p, n)
	if err != nil {
		return err
	}
	m.mark(n, next)
	defer m.unmark(n)
	woken := make(chan struct{}, 1)
	defer p.index.Listen(woken)()
	tail := p.reader.Tail(eventstore.After(eventstore.Cursor{n: next - 1}))
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
		session.MarkOffset(m.category.topic, n, offset, committedByUs)
		m.mark(n, offset)
	}
	m.stands.begins(n, gathering)
	return m.letters.attached(ctx, n, func(parked *deadletter.Parked) *delivery.Runner {
		m.stands.goesOn(n)
		return delivery.New(cfg, next, parked)
	})
}

// spare looks after a partition beyond the configured ones, in which there must be nothing.
func (m member) spare(ctx context.Context, n int32) error {
	for ctx.Err() == nil {
		why, err := m.client.Used(ctx, m.category.topic, n)
		if err != nil {
			return err
		}
		if why != "" {
			return &partition.CorruptError{
				Topic: m.category.topic, Partition: n, Cause: partition.ErrPartitionsChanged,
				Found: fmt.Sprintf("the topic has more partitions than the %d that are configured, and this one %s; "+
					"configure the number that events were written with", len(m.category.partitions), why),
			}
		}
		m.stands.goesOn(n)
		_ = clock.Wait(ctx, m.store.cfg.CheckEvery) // its end shows in the loop's condition
	}
	return context.Cause(ctx)
}

// maxInFlightBytes bounds the values of one partition that are read and not handled.
const maxInFlightBytes = 32 << 20

// delivery returns what is the same for all partitions: all but Source and Commit.
func (m member) delivery(n int32) delivery.Config {
	return delivery.Config{
		Handler: m.cfg.Group, Topic: m.category.topic, Partition: n,
		Handle:   m.call,
		Pause:    m.pause,
		Sleep:    clock.Wait,
		Now:      clock.Now,
		Write:    m.letters.writer.write,
		Read:     m.letters.read,
		Attempts: m.cfg.Retry.Attempts, Patience: m.cfg.Deployment,
		Concurrency: m.cfg.Concurrency, MaxInFlight: m.cfg.MaxInFlight, MaxBytes: maxInFlightBytes,
		Counts: &m.counts,
	}
}

// call calls the handler, and asks what its error means. Whatever their code does, nothing else
// ends by it.
func (m member) call(ctx context.Context, r eventstore.Record) (delivery.Verdict, error) {
	err := goroutine.Apart("handler of group "+m.cfg.Group, func() error {
		defer m.calls.enter()()
		return m.cfg.Handler(event.WithCause(ctx, r.Cause()), r)
	})
	if err == nil {
		return delivery.Done, nil
	}
	outcome := RetryThenDeadLetter
	unjudged := goroutine.Apart("Classify of group "+m.cfg.Group, func() error {
		defer m.calls.enter()()
		outcome = m.cfg.Classify(err)
		return nil
	})
	if unjudged != nil {
		return delivery.Retry, errors.Join(err, unjudged)
	}
	return delivery.Verdict(outcome), err
}

// calls are the goroutines in which a subscription's handler runs.
type calls struct{ running sync.Map }

// enter notes that the handler runs in this goroutine, until the function that it returns is
// called.
func (c *calls) enter() (leave func()) {
	id := goroutine.Current()
	if id == 0 { // a runtime that does not tell: then nobody is taken for the handler
		return func() {}
	}
	c.running.Store(id, true)
	return func() { c.running.Delete(id) }
}

// within reports whether it is called by the handler.
func (c *calls) within() bool {
	_, found := c.running.Load(goroutine.Current())
	return found
}

// firstRejoin and longRejoin bound the pause between two attempts to join the group, or to go on
// with a partition.
const (
	firstRejoin = 100 * time.Millisecond
	longRejoin  = 5 * time.Second
)
