package aggregate

import (
	"fmt"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/internal/deepcopy"
)

// Root is one aggregate in memory: its state, its version, and the events that are applied but not
// stored yet. [Repository.Load], [Type.New] and [Type.FromEvents] return one.
type Root[S any] struct {
	typ         *Type[S]
	id          string
	version     int64
	state       S
	uncommitted []Event[S] // copies, which the state shares nothing with
}

// New returns the aggregate of the given id before its first event: the zero state at version 0.
func (t *Type[S]) New(id string) *Root[S] { return &Root[S]{typ: t, id: id} }

// FromEvents returns the aggregate that the given stored events make. The first of them has
// version 1.
func (t *Type[S]) FromEvents(id string, events ...Event[S]) *Root[S] {
	r := t.New(id)
	for _, e := range events {
		r.replay(e)
	}
	return r
}

// ID returns the aggregate's id.
func (r *Root[S]) ID() string { return r.id }

// Version returns the version of the stream once the uncommitted events are in it.
func (r *Root[S]) Version() int64 { return r.version }

// State returns the state after all applied events. Callers must not change what its pointers and
// maps refer to.
func (r *Root[S]) State() S { return r.state }

// Apply applies new events, in order, and keeps them as uncommitted. It keeps what the events say
// when Apply is called, whatever they share with the state, with each other or with the caller. If
// one of them is not among the events of the type, Apply fails with an *[UnnamedEventError] and
// applies none of them.
func (r *Root[S]) Apply(events ...Event[S]) error {
	if err := r.typ.Check(events...); err != nil {
		return err
	}
	kept := deepcopy.Of(events) // before any of them changes what another one shares with the state
	for _, e := range deepcopy.Of(events) {
		r.replay(e)
	}
	r.uncommitted = append(r.uncommitted, kept...)
	return nil
}

// Uncommitted returns copies of the events that are applied but not stored, in order.
func (r *Root[S]) Uncommitted() []Event[S] { return deepcopy.Of(r.uncommitted) }

// Commit forgets the uncommitted events, because they are stored.
func (r *Root[S]) Commit() { r.uncommitted = nil }

// replay applies the events of one version. Nobody else may change these events.
func (r *Root[S]) replay(events ...Event[S]) {
	for _, e := range events {
		e.Apply(&r.state)
	}
	r.version++
}

// gapError says that a store has left out an event.
type gapError struct {
	found int64
	at    event.Position
	want  int64
}

func (e *gapError) Error() string {
	return fmt.Sprintf("the store yields version %d at %s, expected version %d: it breaks its promise", e.found, e.at,
		e.want)
}
