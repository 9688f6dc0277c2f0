package worker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
)

// bank carries out an order for a bank. It tries once: if something has changed meanwhile, the
// client is told so.
func (s *server) bank(ctx context.Context, n int, op *bank.Op) (alarm string) {
	store := s.storeOf(n)
	if store == nil {
		op.Outcome, op.Err = bank.Failed, "closed"
		return ""
	}
	result, err := (&teller{reads: &s.banks, store: store, op: op}).carryOut(ctx)
	if err == nil {
		return took(op, result)
	}
	op.Err = reason(err)
	switch {
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		op.Outcome = bank.Unknown
	case errors.Is(err, eventstore.ErrConflict):
		op.Outcome = bank.Conflict
		return ""
	case errors.Is(err, eventstore.ErrCommandReused):
		op.Outcome = bank.Reused
		return ""
	case errors.Is(err, eventstore.ErrInvalid):
		if op.Outcome = bank.Invalid; op.Order.Kind == bank.Across {
			return ""
		}
	default:
		op.Outcome = bank.Failed
	}
	return alarming(err)
}

// took notes what the store did.
func took(op *bank.Op, r eventstore.Result) (alarm string) {
	op.Result = bank.Result{Partition: r.Position.Partition, Offset: r.Position.Offset, Time: r.Time}
	for _, w := range r.Streams {
		op.Result.Parts = append(op.Result.Parts, bank.Part{Stream: w.Stream.ID, First: w.First, Last: w.Last})
	}
	switch {
	case op.Order.Kind == bank.Ask:
		op.Outcome = bank.Told
	case r.Repeated:
		op.Outcome = bank.Repeated
	case len(op.Plan.Writes) == 0:
		op.Outcome = bank.Confirmed
	default:
		op.Outcome = bank.Written
		if now := clock.Now(); r.Time.After(now) {
			return fmt.Sprintf("an event has the time %s, and now is %s", r.Time, now)
		}
	}
	return ""
}

// teller carries out one order.
type teller struct {
	reads *reads[bank.Seen]
	store *kafka.Store
	op    *bank.Op
	tips  []eventstore.Expectation // of what was read
}

func (t *teller) carryOut(ctx context.Context) (r eventstore.Result, err error) {
	o := &t.op.Order
	if o.Kind == bank.Ask {
		t.op.Applied, err = t.store.Applied(ctx, inBank(bank.FreezeOf(o.Bank)), o.Command)
		return r, err
	}
	if o.Kind != bank.Verify {
		t.op.Joint = o.Reading == bank.Together
		for i, stream := range o.Reads {
			if i > 0 && clock.Wait(ctx, o.Pause) != nil {
				return r, context.Cause(ctx)
			}
			if err := t.read(ctx, stream); err != nil {
				return r, err
			}
		}
	}
	t.op.Prepare()
	c, err := t.commit()
	if err != nil {
		return r, err
	}
	return t.store.Append(ctx, c)
}

func inBank(id string) eventstore.Stream { return eventstore.Stream{Category: bank.Category, ID: id} }

// ask reads a stream for a decision. Every other time it reads on from what was seen before.
func (t *teller) ask(
	ctx context.Context, stream eventstore.Stream, with ...eventstore.Expectation,
) (all iter.Seq2[eventstore.Record, error], at, after eventstore.Expectation, seen bank.Seen) {
	seen, after = t.reads.begin(t.store, stream)
	all, at = t.store.ReadQueued(ctx, after, with...)
	if after.Tip != nil && moved(all) { // or one of with has
		t.reads.drop(stream)
		seen, after = bank.Seen{}, stream.At(0)
		all, at = t.store.ReadQueued(ctx, after, with...)
	}
	seen.Stream = stream.ID
	return all, at, after, seen
}

// read reads a stream in the way of the order.
func (t *teller) read(ctx context.Context, id string) error {
	var all iter.Seq2[eventstore.Record, error]
	at, seen := eventstore.Expectation{Stream: inBank(id)}, bank.Seen{Stream: id}
	var after eventstore.Expectation
	switch t.op.Order.Reading {
	case bank.Together:
		all, at, after, seen = t.ask(ctx, inBank(id), t.tips...)
	case bank.Apart:
		all, at, after, seen = t.ask(ctx, inBank(id))
	case bank.Stored:
		all = t.store.ReadStream(ctx, inBank(id), 1)
	}
	for r, err := range all {
		if err != nil {
			return err
		}
		if seen.Version++; r.AggregateVersion != seen.Version {
			return fmt.Errorf("%w: version %d of %s as event %d", errWrongRead, r.AggregateVersion, id, seen.Version)
		}
		amount, err := bank.AmountOf(r.Value)
		if err != nil {
			return fmt.Errorf("%w: %w", errWrongRead, err)
		}
		seen.Event, seen.Balance = r.ID, seen.Balance+amount
		if r.Position.Offset == 0 { // that place has a marker, never an event
			seen.Unstored++
		} else {
			seen.Unstored = 0 // nor those before it
		}
	}
	if t.op.Order.Reading == bank.Stored {
		at.Version = eventstore.Expected(seen.Version)
	} else if at.Version != eventstore.Expected(seen.Version) {
		return fmt.Errorf("%w: %s has %d events, and the expectation is version %d", errWrongRead, id, seen.Version,
			at.Version)
	}
	if t.op.Order.Reading != bank.Stored {
		t.reads.end(t.store, seen, at, after.Tip != nil)
	}
	t.op.Seen, t.tips = append(t.op.Seen, seen), append(t.tips, at)
	return nil
}

// commit returns the commit of the plan.
func (t *teller) commit() (eventstore.Commit, error) {
	p := t.op.Plan
	c := eventstore.Commit{CommandID: p.Command, Digest: p.Digest, Expect: t.tips, Unconfirmed: p.Unconfirmed}
	for _, e := range p.Expect[len(t.tips):] { // of what was not read
		c.Expect = append(c.Expect,
			eventstore.Expectation{Stream: inBank(e.Stream), Version: eventstore.Expected(e.Version)})
	}
	for _, e := range p.Commands {
		c.ExpectCommands = append(c.ExpectCommands,
			eventstore.CommandExpectation{CommandID: e.Command, Applied: e.Applied})
	}
	now := clock.Now()
	for i, w := range p.Writes {
		value, err := p.Value(i)
		if err != nil {
			return c, err
		}
		c.Records = append(c.Records, eventstore.Record{
			Header: event.Header{
				ID: p.EventID(i), Category: bank.Category, AggregateID: w.Stream, Type: w.What, Revision: 1,
				Timestamp: now.Add(-t.op.Order.Early + time.Duration(i)*time.Microsecond),
			},
			Value: value,
		})
	}
	return c, nil
}
