package aggregate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/fencelog/fencelog/eventstore"
)

// reading reads for one attempt of UpdateAll: it stands behind the attempt's [Group]. The attempt
// rests only on what the decision has asked for.
//
// All that the decision was told held at one moment: at the last read, or at the last new answer
// about a command. Each read and each new answer makes sure that the states read before still
// stand. Then it asks for the earlier answers again.
type reading[S any] struct {
	*attempt[S]

	asked []string            // ids, in the order in which the decision asked for them
	found map[string]*read[S] // what was read of them
	ahead map[string]*read[S] // what was read of others
	stop  *stopError          // not nil once the decision was ended
	over  atomic.Bool         // the decision has returned
}

// newReading begins to read. First it reads the aggregates that the attempt before has asked for,
// one right after the other. They are decoded later. Otherwise one of several busy streams would
// always move while another one is decoded. It fails if one has moved nevertheless.
func newReading[S any](ctx context.Context, a *attempt[S], before []string) (*reading[S], error) {
	r := &reading[S]{attempt: a, found: make(map[string]*read[S]), ahead: make(map[string]*read[S])}
	var with []eventstore.Expectation
	for _, id := range before {
		found := a.read(ctx, id, with...)
		switch err := failure(found.records); {
		case err == nil:
			r.ahead[id] = found
			with = append(with, found.at)
		case errors.Is(err, eventstore.ErrConflict):
			return nil, &overtakenError{err}
		} // the decision meets any other error if it asks for this aggregate
	}
	return r, nil
}

// stopError is what a decision panics with that must not go on.
type stopError struct{ reason error }

// Error is seen only if the panic was in another goroutine, or if decide recovered it.
func (s *stopError) Error() string {
	return fmt.Sprintf("aggregate: the Group ends the decision, because %v "+
		"(only the goroutine that called the decision may use its Group, and must let this panic pass)", s.reason)
}

// decide calls the decision. If that was stopped, stop says why, and the answer means nothing.
func (r *reading[S]) decide(
	ctx context.Context, decide func(*Group[S]) ([]Change[S], error),
) (changes []Change[S], refused error) {
	defer func() {
		r.over.Store(true)
		if r.stop == nil {
			return // another panic passes, and so does the end of the goroutine
		}
		if v := recover(); v != nil && v != any(r.stop) {
			panic(v)
		}
	}()
	return decide(NewGroup(
		func(id string) S { return r.state(ctx, id) },
		func(id, commandID string) bool { return r.applied(ctx, id, commandID) }))
}

// end ends the decision.
func (r *reading[S]) end(reason error) {
	r.stop = &stopError{reason}
	panic(r.stop)
}

// state is [Group.State].
func (r *reading[S]) state(ctx context.Context, id string) S {
	found := r.find(ctx, id)
	if found.folded == nil {
		if err := r.complete(ctx, found); err != nil {
			r.end(err)
		}
	}
	return found.folded.root.state
}

// applied is [Group.Applied]. A command has one answer in one decision, as all is of one partition
// key.
func (r *reading[S]) applied(ctx context.Context, id, commandID string) bool {
	found := r.find(ctx, id)
	for _, c := range r.commands {
		if c.CommandID == commandID {
			return c.Applied
		}
	}
	applied, err := r.ask(ctx, commandID)
	if err == nil {
		r.commands = append(r.commands, eventstore.CommandExpectation{CommandID: commandID, Applied: applied})
		if len(r.commands) > 1 {
			err = r.askAgain(ctx)
		}
	}
	if err != nil {
		r.end(r.orUnread(err, found))
	}
	return applied
}

// ask asks whether a command is applied while all that was read stands as it was read. It drops
// what was read ahead if that does not stand any more. It fails with errApplied if the command is
// the one that is handled, and applied.
func (r *reading[S]) ask(ctx context.Context, commandID string) (bool, error) {
	stream, all := r.expect[0].Stream, r.expect
	if len(r.ahead) > 0 {
		all = slices.Clone(all)
		for _, ahead := range r.ahead {
			all = append(all, ahead.at)
		}
	}
	applied, err := r.isApplied(ctx, stream, commandID, all...)
	if errors.Is(err, eventstore.ErrConflict) && len(r.ahead) > 0 {
		clear(r.ahead)
		applied, err = r.isApplied(ctx, stream, commandID, r.expect...)
	}
	if applied && commandID == r.commandID { // since the last read
		return true, errApplied
	}
	return applied, err
}

// askAgain asks for all commands that the decision has asked for. It fails with a conflict if one
// of the answers has changed.
func (r *reading[S]) askAgain(ctx context.Context) error {
	for _, c := range r.commands {
		switch applied, err := r.ask(ctx, c.CommandID); {
		case err != nil:
			return err
		case applied != c.Applied:
			return &eventstore.CommandConflictError{
				Stream: r.expect[0].Stream, CommandID: c.CommandID, Applied: applied,
			}
		}
	}
	return nil
}

// find returns an aggregate, which it reads if nobody has asked for it yet.
func (r *reading[S]) find(ctx context.Context, id string) *read[S] {
	switch {
	case r.over.Load():
		panic("aggregate: a Group was used after its decision had returned: only the decision may use it")
	case r.stop != nil: // the decision has recovered it
		panic(r.stop)
	}
	if found := r.found[id]; found != nil {
		return found
	}
	found := r.ahead[id]
	later := found == nil
	if later { // than what was read ahead
		clear(r.ahead)
		found = r.read(ctx, id, r.expect...)
	}
	delete(r.ahead, id)
	r.found[id] = found
	r.asked = append(r.asked, id)
	err := r.rest(ctx, found)
	if err == nil && later {
		err = r.askAgain(ctx)
	}
	if err != nil {
		r.end(r.orUnread(err, found))
	}
	return found
}
