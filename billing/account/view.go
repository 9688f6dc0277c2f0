package account

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// Source is where a [View] reads from: an *[aggregate.Repository] of accounts.
type Source interface {
	// Events yields the events of all accounts from start on, up to now. The events of one account
	// are in order. An error is yielded once, as the last pair.
	Events(ctx context.Context, start eventstore.Start) iter.Seq2[event.Stored[aggregate.Event[Account]], error]
}

// View is the read model of all accounts and their balances, in memory.
//
// When it is asked, it follows the events up to the last one that its source has. So an answer
// shows everything that the source had before the question. Over a store that owns the account's
// partition, this is all that was committed. Over a store that follows another owner, it is all
// that the store has followed so far.
//
// Questions that wait for the events are answered together. The view applies each event once, in
// order, however often the source yields it. An error of the source leaves the view as it was, and
// the next question goes on from there.
type View struct {
	source Source

	// turn holds a token while a goroutine uses the fields below. It is a channel, so that a
	// goroutine that waits can leave.
	turn  chan struct{}
	state *viewState
	upTo  uint64 // the latest catch-up of state that succeeded, by its number

	begun atomic.Uint64 // catch-ups; their numbers are 1, 2, 3 …
}

// viewState is the state that the events up to cursor make.
type viewState struct {
	cursor eventstore.Cursor
	rows   map[string]row
}

type row struct {
	Details

	posted, held int64
}

// NewView returns an empty view of the events that source yields.
func NewView(source Source) *View {
	return &View{source: source, turn: make(chan struct{}, 1), state: newViewState()}
}

func newViewState() *viewState {
	return &viewState{cursor: make(eventstore.Cursor), rows: make(map[string]row)}
}

// Account returns the details of the account. It fails with a *[NotFoundError], or with the error
// of the source.
func (v *View) Account(ctx context.Context, id string) (Details, error) {
	r, err := v.row(ctx, id)
	return r.Details, err
}

// Balance returns the balance of the account. It fails with a *[NotFoundError], or with the error
// of the source.
func (v *View) Balance(ctx context.Context, id string) (Balance, error) {
	r, err := v.row(ctx, id)
	if err != nil {
		return Balance{}, err
	}
	return r.balance(), nil
}

// Balances returns the balances of all accounts, by id. It fails with the error of the source.
func (v *View) Balances(ctx context.Context) ([]Balance, error) {
	var all []Balance
	err := v.current(ctx, func(s *viewState) {
		all = make([]Balance, 0, len(s.rows))
		for _, id := range slices.Sorted(maps.Keys(s.rows)) {
			all = append(all, s.rows[id].balance())
		}
	})
	return all, err
}

// Rebuild reads all events again, from the first one, and replaces the state of the view. Until
// Rebuild is done, and after it has failed, the view answers from the state that it has.
func (v *View) Rebuild(ctx context.Context) error {
	fresh := newViewState()
	if err := fresh.catchUp(ctx, v.source); err != nil {
		return fmt.Errorf("rebuild the view of accounts: %w", err)
	}
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	v.state, v.upTo = fresh, 0 // fresh may have seen less than a waiting question needs
	<-v.turn
	return nil
}

func (v *View) row(ctx context.Context, id string) (row, error) {
	var r row
	var ok bool
	err := v.current(ctx, func(s *viewState) { r, ok = s.rows[id] })
	if err == nil && !ok {
		err = &NotFoundError{AccountID: id}
	}
	return r, err
}

// current catches up, unless a catch-up that began after this question has done so. Then it calls
// look with the state. So a question waits for two catch-ups at most, however many are asked at
// once.
func (v *View) current(ctx context.Context, look func(*viewState)) error {
	asked := v.begun.Load()
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-v.turn }()
	if v.upTo <= asked {
		number := v.begun.Add(1)
		if err := v.state.catchUp(ctx, v.source); err != nil {
			return fmt.Errorf("view of accounts: %w", err)
		}
		v.upTo = number
	}
	look(v.state)
	return nil
}

func (s *viewState) catchUp(ctx context.Context, source Source) error {
	for e, err := range source.Events(ctx, eventstore.After(s.cursor)) {
		if err != nil {
			return err
		}
		if s.cursor.Seen(e.Position) {
			continue
		}
		if err := s.apply(e); err != nil {
			return err
		}
		s.cursor.Advance(e.Position)
	}
	return nil
}

func (s *viewState) apply(e event.Stored[aggregate.Event[Account]]) error {
	r := s.rows[e.AggregateID]
	if e.AggregateVersion != r.Version+1 {
		return fmt.Errorf("account %q is at version %d, and the next event, at %s, has version %d: events are missing",
			e.AggregateID, r.Version, e.Position, e.AggregateVersion)
	}
	for _, one := range e.Events {
		err := r.apply(event.Envelope[aggregate.Event[Account]]{Header: e.Header, Position: e.Position, Event: one})
		if err != nil {
			return err
		}
	}
	r.Version = e.AggregateVersion
	s.rows[e.AggregateID] = r
	return nil
}

func (r *row) apply(e event.Envelope[aggregate.Event[Account]]) error {
	switch event := e.Event.(type) {
	case AccountCreated:
		var a Account
		event.Apply(&a)
		lowest, highest := a.Limits()
		r.Details = Details{
			AccountID:  e.AggregateID,
			Status:     StatusActive,
			OwnerID:    event.OwnerID,
			OwnerType:  event.OwnerType,
			Type:       event.AccountType,
			Currency:   event.Currency,
			Exponent:   int(event.Exponent),
			MaxBalance: highest.Pointer(),
			MinBalance: lowest.Pointer(),
			CreatedAt:  e.Timestamp,
		}
	case AccountCredited:
		r.posted += event.Amount
	case AccountDebited:
		r.posted -= event.Amount
	default:
		return fmt.Errorf("the view of accounts does not know event %s of account %q, at %s", e.Type, e.AggregateID,
			e.Position)
	}
	return nil
}

func (r row) balance() Balance {
	b := Balance{
		AccountID: r.AccountID,
		Version:   r.Version,
		Currency:  r.Currency,
		Exponent:  r.Exponent,
		Posted:    r.posted,
		Held:      r.held,
	}
	if r.MinBalance != nil {
		available := r.posted - r.held - *r.MinBalance // the commands ensure that this fits
		b.Available = &available
	}
	return b
}
