package aggregate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync/atomic"

	"github.com/fencelog/fencelog/eventstore"
)

// reading reads for one attempt of UpdateAll: it stands behind the attempt's [Group]. The attempt
// rests only on what the decision has asked for.
type reading[S any] struct {
	*attempt[S]

	asked   []string            // ids, in the order in which the decision asked for them
	found   map[string]*read[S] // what was read of them
	ahead   map[string]*read[S] // what was read of others
	applies map[string]bool     // by command id that the decision asked for
	stop    *stopError          // not nil once the decision was ended
	over    atomic.Bool         // the decision has returned
}

// read is one aggregate as it was read.
type read[S any] struct {
	at      eventstore.Expectation
	records iter.Seq2[eventstore.Record, error]
	state   S
	decoded bool // state is set
}

// newReading begins to read. First it reads the aggregates that the attempt before has asked for,
// one right after the other. They are decoded later. Otherwise one of several busy streams would
// always move while another one is decoded. It fails if one has moved nevertheless.
func newReading[S any](ctx context.Context, a *attempt[S], before []string) (*reading[S], error) {
	r := &reading[S]{
		attempt: a, found: make(map[string]*read[S]), ahead: make(map[string]*read[S]), applies: make(map[string]bool),
	}
	var with []eventstore.Expectation
	for _, id := range before {
		found := &read[S]{}
		found.records, found.at = a.store.ReadQueued(ctx, a.Stream(id), 1, with...)
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
	if !found.decoded {
		state, err := r.replay(ctx, id, found.records)
		if err != nil {
			r.end(err)
		}
		found.state, found.decoded = state, true
	}
	return found.state
}

// applied is [Group.Applied]. A command has one answer in one decision, as all is of one partition
// key. If it is not applied, it was not when the aggregates were read. If it is applied, these must
// still stand as they were read: it may have been applied since.
func (r *reading[S]) applied(ctx context.Context, id, commandID string) bool {
	found := r.find(ctx, id)
	if err := r.unread(id, found.records); err != nil {
		r.end(fmt.Errorf("load %s: %w", r.Stream(id), err))
	}
	if applied, known := r.applies[commandID]; known {
		return applied
	}
	applied, err := r.isApplied(ctx, r.Stream(id), commandID)
	if err != nil {
		r.end(err)
	}
	switch {
	case applied && commandID == r.commandID: // since the first read
		r.end(errApplied)
	case applied:
		r.mustStand(ctx, found.at)
	}
	r.applies[commandID] = applied
	r.commands = append(r.commands,
		eventstore.CommandExpectation{CommandID: commandID, Applied: applied})
	return applied
}

// mustStand ends the decision unless all that it has asked for stands as it was read. It drops what
// was read ahead and does not.
func (r *reading[S]) mustStand(ctx context.Context, one eventstore.Expectation) {
	all := slices.Clone(r.expect)
	for _, ahead := range r.ahead {
		all = append(all, ahead.at)
	}
	err := r.stand(ctx, one, all)
	if err != nil && len(r.ahead) > 0 {
		clear(r.ahead)
		err = r.stand(ctx, one, r.expect)
	}
	if err != nil {
		r.end(fmt.Errorf("load %s: %w", one.Stream, err))
	}
}

// stand returns a conflict unless all streams stand as they were read at one moment of the call.
// It reads one of them again.
func (r *reading[S]) stand(ctx context.Context, one eventstore.Expectation, all []eventstore.Expectation) error {
	others := slices.DeleteFunc(slices.Clone(all), func(e eventstore.Expectation) bool {
		return e.Stream == one.Stream
	})
	records, now := r.store.ReadQueued(ctx, one.Stream, math.MaxInt64, others...)
	err := failure(records)
	if err == nil && now.Version != one.Version {
		err = &eventstore.ConflictError{Stream: one.Stream, Expected: one.Version, Actual: int64(now.Version)}
	}
	return err
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
	if found == nil {
		clear(r.ahead) // what is read now may be later than that
		found = &read[S]{}
		found.records, found.at = r.store.ReadQueued(ctx, r.Stream(id), 1, r.expect...)
	}
	delete(r.ahead, id)
	r.found[id] = found
	r.asked = append(r.asked, id)
	if err := r.rest(ctx, found.at); err != nil {
		r.end(err)
	}
	return found
}
