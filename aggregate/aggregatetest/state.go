package aggregatetest

import (
	"testing"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/deepcopy"
	"github.com/fencelog/fencelog/internal/states"
)

// CheckState fails the test if a repository cannot keep the states that these events make, in
// memory or in snapshots. The first event has version 1. Give events of each type, in an order in
// which they may happen. After each event CheckState makes sure that
//   - a copy of the state goes on to the same end as the state, and leaves the state as it was;
//   - a snapshot of the state does so, too: snapshot + rest = replay.
//
// A copy is an assignment, or what the state's method Clone returns. CheckState also fails the test
// if the state lacks a Clone that it needs, or cannot have snapshots. States are compared as by
// [Outcome.ThenState].
func CheckState[S any](t testing.TB, typ *aggregate.Type[S], events ...aggregate.Event[S]) {
	t.Helper()
	mustBeGood(t, "CheckState", typ)
	if err := typ.Check(events...); err != nil {
		t.Fatalf("%v", err)
	}
	kind, err := states.KindOf[S]()
	if err != nil {
		t.Errorf("%v", err)
	}
	codec, noSnapshots := states.NewCodec[S]()
	if noSnapshots != nil {
		t.Errorf("%v", noSnapshots)
	}
	if err != nil || noSnapshots != nil {
		return
	}
	c := stateCheck[S]{TB: t, kind: kind, codec: codec, events: events}
	for n := range len(events) + 1 {
		if !c.copies(n) || !c.snapshots(n) {
			return // the others say the same
		}
	}
}

// stateCheck checks the states that some events make.
type stateCheck[S any] struct {
	testing.TB

	kind   *states.Kind[S]
	codec  *states.Codec[S]
	events []aggregate.Event[S]
}

// apply applies copies of events.
func apply[S any](state S, events []aggregate.Event[S]) S {
	for _, e := range deepcopy.Of(events) {
		e.Apply(&state)
	}
	return state
}

// replay returns the state after the first events.
func (c *stateCheck[S]) replay(n int) S {
	var state S
	return apply(state, c.events[:n])
}

// copies checks a copy of the state after the first events.
func (c *stateCheck[S]) copies(n int) bool {
	c.Helper()
	state := c.replay(n)
	end := apply(c.kind.Copy(state), c.events[n:])
	if diff := diffValues(c.replay(n), state, "the state before", "the state after"); diff != "" {
		c.Errorf("after event %d, a copy of the state was taken, and the rest of the events was applied to it. "+
			"That has changed the state: let Clone copy all that an Apply changes.\n%s", n, diff)
		return false
	}
	if diff := diffValues(c.replay(len(c.events)), end, "replay", "copy and rest"); diff != "" {
		c.Errorf("after event %d, a copy of the state does not go on as the state does: let Clone copy all of it.\n%s",
			n, diff)
		return false
	}
	return true
}

// snapshots checks a snapshot of the state after the first events.
func (c *stateCheck[S]) snapshots(n int) bool {
	c.Helper()
	b, err := c.codec.Encode(c.replay(n), eventstore.MaxSnapshotBytes)
	if err != nil {
		c.Errorf("after event %d, the state has no snapshot: %v", n, err)
		return false
	}
	state, err := c.codec.Decode(b)
	if err != nil {
		c.Errorf("after event %d, the snapshot of the state cannot be read: %v", n, err)
		return false
	}
	end := apply(state, c.events[n:])
	if diff := diffValues(c.replay(len(c.events)), end, "replay", "snapshot and rest"); diff != "" {
		c.Errorf("after event %d, a snapshot of the state does not go on as the state does.\n%s", n, diff)
		return false
	}
	return true
}
