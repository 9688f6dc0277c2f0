package memory

import (
	"context"
	"sync/atomic"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/letters"
)

// DeadLetters implements [subscription.Source]. Dead letters last as long as the store. Their
// methods fail with [eventstore.ErrClosed] once they, or the store, are closed.
func (s *Store) DeadLetters(ctx context.Context) (subscription.DeadLetters, error) {
	if err := s.over(ctx); err != nil {
		return nil, err
	}
	return &deadLetters{store: s, log: &s.letters}, nil
}

// deadLetters is the view of those who look after a store's letters.
type deadLetters struct {
	store  *Store
	log    *letterLog
	closed atomic.Bool
}

func (d *deadLetters) over(ctx context.Context) error {
	if d.closed.Load() {
		return eventstore.ErrClosed
	}
	return d.store.over(ctx)
}

// List implements [subscription.DeadLetters].
func (d *deadLetters) List(ctx context.Context, handler string) ([]subscription.Letter, error) {
	if err := d.over(ctx); err != nil {
		return nil, err
	}
	d.log.mu.Lock()
	defer d.log.mu.Unlock()
	return d.log.ledger.List(handler), nil
}

// Show implements [subscription.DeadLetters].
func (d *deadLetters) Show(
	ctx context.Context, id subscription.LetterID,
) (subscription.Event, []subscription.Trace, error) {
	if err := d.over(ctx); err != nil {
		return subscription.Event{}, nil, err
	}
	h := letters.History{Of: id}
	for _, e := range d.log.since(0) {
		h.Learn(e)
	}
	if h.Letter == nil {
		return subscription.Event{}, nil, &subscription.NoLetterError{ID: id}
	}
	event := subscription.Event{Record: d.log.event(id)}
	if event.Commit.Size > 1 {
		commit, committed := d.store.commitOf(&event.Record), d.store.committed(id)
		d.log.mu.Lock()
		event.Others = d.log.ledger.Parts(h.Letter, commit, committed)
		d.log.mu.Unlock()
	}
	return event, h.Traces, nil
}

// Redrive implements [subscription.DeadLetters].
func (d *deadLetters) Redrive(ctx context.Context, id subscription.LetterID, reason string) error {
	return d.ask(ctx, letters.Redrive, id, reason)
}

// Discard implements [subscription.DeadLetters].
func (d *deadLetters) Discard(ctx context.Context, id subscription.LetterID, reason string) error {
	return d.ask(ctx, letters.Discarded, id, reason)
}

func (d *deadLetters) ask(ctx context.Context, kind letters.Kind, id subscription.LetterID, reason string) error {
	if err := d.over(ctx); err != nil {
		return err
	}
	d.log.mu.Lock()
	open, _ := d.log.ledger.Find(id)
	if open != nil {
		d.log.add(open.Request(kind, clock.Now(), reason))
	}
	d.log.mu.Unlock()
	if open == nil {
		return &subscription.NoLetterError{ID: id}
	}
	d.log.moved.Ring()
	return nil
}

// Close implements [subscription.DeadLetters].
func (d *deadLetters) Close() error {
	d.closed.Store(true)
	return nil
}

// eventOf returns the event of a letter.
func (s *Store) eventOf(id subscription.LetterID) eventstore.Record {
	return s.from(id.Topic, id.Partition, id.Offset)[0]
}

// commitOf returns the records of the commit that the record is part of.
func (s *Store) commitOf(r *eventstore.Record) []eventstore.Record {
	first := r.Position.Offset - int64(r.Commit.Index) + 1
	return s.from(r.Category, r.Position.Partition, first)[:r.Commit.Size]
}

// from returns the records of a partition from an offset on.
func (s *Store) from(category string, n int32, offset int64) []eventstore.Record {
	return s.categories[category][n].since(eventstore.After(eventstore.Cursor{n: offset - 1}))
}

// committed returns the offset of a letter's group in the letter's partition.
func (s *Store) committed(id subscription.LetterID) int64 {
	s.groupsMu.Lock()
	g := s.groups[groupName{id.Handler, id.Topic}]
	s.groupsMu.Unlock()
	return g.done(id.Partition)
}
