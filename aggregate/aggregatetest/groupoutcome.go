package aggregatetest

import (
	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
)

// GroupOutcome is what was decided about several aggregates.
type GroupOutcome[S any] struct {
	answer

	c       *GroupCase[S]
	changes []aggregate.Change[S]
	applies bool // what was decided can be applied
}

// Then expects exactly the events of these changes, in this order, all in one call. Two changes of
// one aggregate in a row are the same as one change with all their events. Then compares as
// [Outcome.Then] does. It fails the test at once if an event is not among those of the type.
func (o *GroupOutcome[S]) Then(changes ...aggregate.Change[S]) *GroupOutcome[S] {
	o.t.Helper()
	for _, change := range changes {
		if err := o.c.typ.Check(change.Events...); err != nil && o.applies { // otherwise the test was told
			o.looked = true
			o.t.Fatalf("Then: %v", err)
		}
	}
	o.then(placeAll(changes))
	return o
}

// ThenNothing expects no events and no error, because there was nothing to do.
func (o *GroupOutcome[S]) ThenNothing() *GroupOutcome[S] {
	o.t.Helper()
	return o.Then()
}

// ThenError expects a refusal that matches target, as errors.Is does.
func (o *GroupOutcome[S]) ThenError(target error) *GroupOutcome[S] {
	o.t.Helper()
	o.thenError(target)
	return o
}

// ThenState expects the state that the given and the decided events of an aggregate make together.
func (o *GroupOutcome[S]) ThenState(id string, want S) *GroupOutcome[S] {
	o.t.Helper()
	o.looked = true
	if !o.applies {
		return o // which the test was told
	}
	if d := diffValues(o.c.root(id, o.changes...).State(), want, "found", "expected"); d != "" {
		o.t.Errorf("%s: another state of %s than expected\n%s", o, id, d)
	}
	return o
}

// Err returns the error, for a test that needs more than ThenError.
func (o *GroupOutcome[S]) Err() error {
	o.looked = true
	return o.err
}

// Changes returns the changes, for a test that needs more than Then.
func (o *GroupOutcome[S]) Changes() []aggregate.Change[S] {
	o.looked = true
	return copied(o.changes)
}

// oneKey fails the test if a store would refuse the ids that were asked for and changed.
func (o *GroupOutcome[S]) oneKey(asked []string) {
	o.t.Helper()
	if o.c.key == nil {
		return
	}
	for _, p := range o.decided {
		asked = append(asked, p.id)
	}
	var all eventstore.Commit
	seen := make(map[string]bool)
	for _, id := range asked {
		if !seen[id] {
			seen[id] = true
			all.Expect = append(all.Expect, eventstore.Expectation{
				Stream: eventstore.Stream{Category: o.c.typ.Name(), ID: id},
			})
		}
	}
	if len(all.Expect) == 0 {
		return
	}
	if err := eventstore.Check(all, *o.c.key); err != nil {
		o.t.Errorf("%s: a store refuses the aggregates of this decision: %v", o, err)
	}
}
