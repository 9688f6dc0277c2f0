package groups

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/deadletter"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// Names of the steps before a member handles partitions, or one of them.
const (
	joining = "the member joins its group"
	asking  = "the group's offset is asked for"
)

// claims is what Sarama calls when the group assigns partitions and takes them away. Sarama keeps
// the membership and the offsets. The member reads the records as every other reader of the store
// does, so it pauses Sarama's own fetching.
type claims struct{ *member }

var _ sarama.ConsumerGroupHandler = claims{}

// Setup implements sarama.ConsumerGroupHandler.
func (m claims) Setup(session sarama.ConsumerGroupSession) error {
	m.Stands.Gets(session.Claims()[m.cfg.Topic])
	return nil
}

// Cleanup implements sarama.ConsumerGroupHandler.
func (m claims) Cleanup(sarama.ConsumerGroupSession) error {
	m.Stands.Begins(delivery.WholeMember, joining)
	return nil
}

// ConsumeClaim implements sarama.ConsumerGroupHandler. It handles one partition until the group
// takes it away. It returns earlier only if the subscription ends: if one call returns, Sarama ends
// the session, and all other partitions stop too.
func (m claims) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
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
	defer func() { m.Stands.Leaves(n, session.Context().Err() != nil) }()
	if err := m.keep(ctx, n, func() error { return m.handlePartition(ctx, session, n) }); err != nil {
		m.Fail(err)
		return err // Sarama ends the session, and with it the messages
	}
	revoked.Wait()
	return nil
}

// keep calls handle until ctx ends. If handle fails, keep pauses and calls it again. If no other
// attempt can mend an error, it stops the partition. If the error concerns all partitions, keep
// returns it.
func (m claims) keep(ctx context.Context, n int32, handle func() error) error {
	pause := firstRejoin
	for {
		begun := clock.Reading()
		err := handle()
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the partition was taken away
		}
		err = fmt.Errorf("group %s, %s partition %d: %w", m.sub.Group, m.cfg.Topic, n, err)
		if ends(err) {
			return err
		}
		if stops(err) {
			m.Stands.Stops(n, m.cfg.Public(err))
			<-ctx.Done()
			return nil
		}
		m.Stands.Fails(n, err)
		if clock.Reading().Sub(begun) > longRejoin {
			pause = firstRejoin
		}
		if clock.Wait(ctx, pause) != nil {
			return nil //nolint:nilerr // the partition was taken away
		}
		pause = min(2*pause, longRejoin)
	}
}

// ends reports whether the error ends the subscription. Such an error concerns all partitions, and
// another attempt here cannot mend it.
func ends(err error) bool {
	var corrupt *log.CorruptError
	var failed *index.UnusableError
	return errors.Is(err, eventstore.ErrClosed) || errors.As(err, &failed) ||
		errors.Is(err, deadletter.ErrDeleted) ||
		errors.As(err, &corrupt) && errors.Is(corrupt.Cause, log.ErrPartitionsChanged)
}

// stops reports whether the error stops the partition, until somebody mends something.
func stops(err error) bool {
	var corrupt *log.CorruptError
	var offset *OffsetError
	return errors.As(err, &corrupt) || errors.As(err, &offset)
}

// handlePartition handles a partition until ctx ends or something fails.
func (m claims) handlePartition(ctx context.Context, session sarama.ConsumerGroupSession, n int32) error {
	if int(n) >= len(m.cfg.Partitions) {
		return m.spare(ctx, n)
	}
	p := m.cfg.Partitions[n]
	next, err := m.place(ctx, session, p, n)
	if err != nil {
		return err
	}
	woken := make(chan struct{}, 1)
	defer p.Index.Listen(woken)()
	tail := p.Reader.Tail(eventstore.After(eventstore.Cursor{n: next - 1}))
	if err := tail.Place(ctx); err != nil {
		return err
	}
	return m.Handle(ctx, n, next, source(p, tail, woken), func(offset int64) {
		session.MarkOffset(m.cfg.Topic, n, offset, committedByUs)
	})
}

// source reads what tail yields. If there is no more, it waits for woken.
func source(p Partition, tail *log.Tail, woken <-chan struct{}) delivery.Source {
	return func(ctx context.Context, yield func(eventstore.Record, delivery.Raw) bool) (int64, error) {
		for {
			if end := p.Index.Checkpoint().Next; tail.Offset() < end {
				_, err := tail.Next(ctx, end, func(r eventstore.Record, stored *sarama.Record) bool {
					return yield(r, (*raw)(stored))
				})
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
}

// raw is a record as it stands in its topic.
type raw sarama.Record

// Bytes implements [delivery.Raw].
func (r *raw) Bytes() (key, value []byte, headers []subscription.Header) {
	return r.Key, r.Value, deadletter.Headers(r.Headers)
}

// spare looks after a partition beyond the configured ones. Such a partition must be empty.
func (m claims) spare(ctx context.Context, n int32) error {
	for ctx.Err() == nil {
		why, err := m.client.Used(ctx, m.cfg.Topic, n)
		if err != nil {
			return err
		}
		if why != "" {
			return &log.CorruptError{
				Topic: m.cfg.Topic, Partition: n, Cause: log.ErrPartitionsChanged,
				Found: fmt.Sprintf("the topic has more partitions than the %d that are configured, "+
					"and this one %s; configure the number that events were written with", len(m.cfg.Partitions), why),
			}
		}
		m.Stands.GoesOn(n)
		_ = clock.Wait(ctx, m.cfg.CheckEvery) // its end shows in the loop's condition
	}
	return context.Cause(ctx)
}

// firstRejoin and longRejoin bound the pause between two attempts to join the group, or to go on
// with a partition.
const (
	firstRejoin = 100 * time.Millisecond
	longRejoin  = 5 * time.Second
)
