package aggregate

import "slices"

// Root is one aggregate in memory: its state, its version, and the events that are
// applied but not stored yet.
type Root[S any] struct {
	typ         *Type[S]
	id          string
	version     int64
	state       S
	uncommitted []Event[S]
	commands    map[string]struct{}
}

// New returns the aggregate of the given id before its first event: the zero state at version 0.
func (t *Type[S]) New(id string) *Root[S] { return &Root[S]{typ: t, id: id} }

// FromEvents returns the aggregate that the given stored events make, the first one at version 1.
func (t *Type[S]) FromEvents(id string, events ...Event[S]) *Root[S] {
	r := t.New(id)
	for _, e := range events {
		r.replay(e, "")
	}
	return r
}

// ID returns the aggregate's id.
func (r *Root[S]) ID() string { return r.id }

// Version returns the version of the stream once the uncommitted events are in it.
func (r *Root[S]) Version() int64 { return r.version }

// State returns the state after all applied events. What its pointers and maps refer to is read only.
func (r *Root[S]) State() S { return r.state }

// Apply applies new events, in order, and keeps them as uncommitted. It fails with an
// *[UnnamedEventError], and applies none of them, if one is not among the events of the type.
func (r *Root[S]) Apply(events ...Event[S]) error {
	for _, e := range events {
		if err := r.typ.check(e); err != nil {
			return err
		}
	}
	for _, e := range events {
		e.Apply(&r.state)
		r.version++
		r.uncommitted = append(r.uncommitted, e)
	}
	return nil
}

// Uncommitted returns the events that are applied but not stored, in order.
func (r *Root[S]) Uncommitted() []Event[S] { return slices.Clone(r.uncommitted) }

// Commit forgets the uncommitted events: they are stored.
func (r *Root[S]) Commit() { r.uncommitted = nil }

func (r *Root[S]) replay(e Event[S], commandID string) {
	e.Apply(&r.state)
	r.version++
	if commandID == "" {
		return
	}
	if r.commands == nil {
		r.commands = make(map[string]struct{})
	}
	r.commands[commandID] = struct{}{}
}

// handled reports whether a stored event was made by the command.
func (r *Root[S]) handled(commandID string) bool {
	_, ok := r.commands[commandID]
	return ok
}
