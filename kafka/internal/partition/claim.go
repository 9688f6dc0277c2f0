package partition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// The bounds of trying again: a pause after each failure, twice as long each time.
const (
	firstPause = 20 * time.Millisecond
	longPause  = 500 * time.Millisecond
)

type backoff struct{ next time.Duration }

// wait pauses, and returns an error if ctx ends meanwhile.
func (b *backoff) wait(ctx context.Context) error {
	if b.next == 0 {
		b.next = firstPause
	}
	d := b.next
	b.next = min(2*b.next, longPause)
	return clock.Wait(ctx, d)
}

// claim makes this process the only writer of the partition and reads all that was written before.
// previous is the term of the claim that is renewed, or NoTerm to take the partition
// from whoever has it.
//
// Invariant 1: the coordinator hands out each term once, to one process. Invariant 2: when claim returns, the own
// marker has been read, so the index is exact, and no batch of another term that lands later can count.
func (o *Owner) claim(ctx context.Context, previous wire.Term) error {
	term, err := o.initTerm(ctx, previous)
	if err != nil {
		return fmt.Errorf("claim %s partition %d: %w", o.cfg.Topic, o.cfg.Partition, err)
	}
	return o.take(ctx, term)
}

// renew claims the partition again, so that neither the coordinator nor the partition's leader forgets the owner:
// they do after transactional.id.expiration.ms and producer.id.expiration.ms. It also tells an idle owner that
// someone claimed later. While the coordinator does not answer the claim stays as it is.
func (o *Owner) renew(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, o.cfg.RequestTimeout)
	defer cancel()
	term, err := o.initTerm(short, o.term)
	if err == nil {
		return o.take(ctx, term)
	}
	if kindOf(err) == passing {
		o.cfg.Logger.Warn("claim is not renewed yet", "topic", o.cfg.Topic, "partition", o.cfg.Partition, "error", err)
		return nil
	}
	return err
}

// take puts the term's marker into the partition and reads on to it.
func (o *Owner) take(ctx context.Context, term wire.Term) error {
	err := o.mark(ctx, term)
	if err == nil {
		err = o.follow(ctx, func(c index.Checkpoint) bool { return c.Term == term || o.cfg.Broken.NoMarkerWait })
	}
	if err != nil {
		return fmt.Errorf("claim %s partition %d: %w", o.cfg.Topic, o.cfg.Partition, err)
	}
	o.term, o.sequence = term, 0
	o.cfg.Logger.Info("partition claimed", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
		"term", term.String(), "offset", o.cfg.Index.Checkpoint().Next)
	return nil
}

// initTerm has the coordinator give out a new term; it aborts what an older one left open.
func (o *Owner) initTerm(ctx context.Context, previous wire.Term) (wire.Term, error) {
	var term wire.Term
	err := o.coordinate(ctx, func(b *sarama.Broker) error {
		r, err := b.InitProducerID(&sarama.InitProducerIDRequest{
			Version:            4,
			TransactionalID:    &o.cfg.TransactionalID,
			TransactionTimeout: o.cfg.RequestTimeout,
			ProducerID:         previous.ProducerID,
			ProducerEpoch:      previous.Epoch,
		})
		if err != nil {
			return err
		}
		term = wire.Term{ProducerID: r.ProducerID, Epoch: r.ProducerEpoch}
		return noneIsNil(r.Err)
	})
	// A coordinator that has forgotten the transactional id, or given it to another, does not know the term any more.
	forgotten := previous != wire.NoTerm() && errors.Is(err, sarama.ErrInvalidProducerIDMapping)
	if err != nil && (kindOf(err) == fenced || forgotten) {
		err = o.lostError(previous, err)
	}
	return term, err
}

// mark ends an empty transaction over the partition; its only trace is the marker.
func (o *Owner) mark(ctx context.Context, term wire.Term) error {
	err := o.coordinate(ctx, func(b *sarama.Broker) error {
		r, err := b.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version:         2,
			TransactionalID: o.cfg.TransactionalID,
			ProducerID:      term.ProducerID,
			ProducerEpoch:   term.Epoch,
			TopicPartitions: map[string][]int32{o.cfg.Topic: {o.cfg.Partition}},
		})
		if err != nil {
			return err
		}
		for _, e := range r.Errors[o.cfg.Topic] {
			if e.Err != sarama.ErrNoError {
				return e.Err
			}
		}
		return nil
	})
	if err == nil {
		err = o.coordinate(ctx, func(b *sarama.Broker) error {
			r, err := b.EndTxn(&sarama.EndTxnRequest{
				Version:           2,
				TransactionalID:   o.cfg.TransactionalID,
				ProducerID:        term.ProducerID,
				ProducerEpoch:     term.Epoch,
				TransactionResult: true,
			})
			if err != nil {
				return err
			}
			return noneIsNil(r.Err)
		})
	}
	if err != nil && kindOf(err) == fenced {
		err = o.lostError(term, err)
	}
	return err
}

// coordinate asks the transaction coordinator until it answers with something final, or ctx ends.
func (o *Owner) coordinate(ctx context.Context, ask func(*sarama.Broker) error) error {
	var pause backoff
	for {
		b, err := o.cfg.Client.TransactionCoordinator(o.cfg.TransactionalID)
		if err == nil {
			err = ask(b)
		}
		if err == nil {
			return nil
		}
		if kindOf(err) != passing {
			return err
		}
		if !errors.Is(err, sarama.ErrConcurrentTransactions) {
			o.cfg.Logger.Debug("transaction coordinator did not answer", "transactionalId", o.cfg.TransactionalID, "error", err)
			_ = o.cfg.Client.RefreshTransactionCoordinator(o.cfg.TransactionalID) // a failure shows at the next attempt
		}
		if stopped := pause.wait(ctx); stopped != nil {
			return fmt.Errorf("%w; the transaction coordinator's last answer: %w", stopped, err)
		}
	}
}

func (o *Owner) lostError(term wire.Term, cause error) error {
	return &LostError{Topic: o.cfg.Topic, Partition: o.cfg.Partition, Term: term, Cause: readable(cause)}
}

func noneIsNil(e sarama.KError) error {
	if e == sarama.ErrNoError {
		return nil
	}
	return e
}
