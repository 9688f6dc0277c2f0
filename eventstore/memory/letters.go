package memory

import (
	"context"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/internal/letters"
	"github.com/fencelog/fencelog/internal/wake"
)

// letterLog is what happened to the dead letters of a store.
type letterLog struct {
	event func(subscription.LetterID) eventstore.Record // the event of a letter, from its partition
	moved wake.Bell                                     // rung when an entry was added

	mu      sync.Mutex
	entries []letters.Entry // by position; an entry never changes
	ledger  letters.Ledger
}

// write adds an entry, and sets its position.
func (l *letterLog) write(_ context.Context, e *letters.Entry) error {
	l.mu.Lock()
	l.add(e)
	l.mu.Unlock()
	l.moved.Ring()
	return nil
}

// add adds an entry. The mutex is held.
func (l *letterLog) add(e *letters.Entry) {
	e.Position = int64(len(l.entries))
	l.entries = append(l.entries, *e)
	l.ledger.Learn(*e)
}

// read returns the entry at a position, and the record in it.
func (l *letterLog) read(_ context.Context, position int64) (letters.Entry, eventstore.Record, error) {
	e := l.since(position)[0]
	return e, l.event(e.LetterID), nil
}

// end returns the position after the last entry.
func (l *letterLog) end(context.Context) (int64, error) { return int64(len(l.since(0))), nil }

// since returns the entries from a position on.
func (l *letterLog) since(position int64) []letters.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[position:]
}

// follow tells a subscription of all entries, until ctx ends.
func (l *letterLog) follow(ctx context.Context, sub *delivery.Subscriber) {
	woken := make(chan struct{}, 1)
	defer l.moved.Listen(woken)()
	next := int64(0)
	for ctx.Err() == nil {
		for _, e := range l.since(next) {
			sub.Learn(e)
			next++
		}
		sub.Learned(next)
		waitFor(ctx, woken)
	}
}
