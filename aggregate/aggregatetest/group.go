package aggregatetest

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/deepcopy"
)

// GroupCase is several aggregates to which some events have happened, for a decision that looks at
// more than one of them. It does not change, so several cases may start from one.
type GroupCase[S any] struct {
	t       testing.TB
	typ     *aggregate.Type[S]
	given   []aggregate.Change[S]
	applied map[string]bool          // by command id
	key     *eventstore.PartitionKey // nil: not checked
	used    bool                     // by a method that returns another case, or by When
}

// ForAll starts a case of aggregates to which nothing has happened. It fails the test at once if
// typ is nil, or if aggregate.NewType found a mistake.
func ForAll[S any](t testing.TB, typ *aggregate.Type[S]) *GroupCase[S] {
	t.Helper()
	mustBeGood(t, "ForAll", typ)
	return &GroupCase[S]{t: t, typ: typ}
}

// Given returns a case to which these events have happened to the aggregate with the id, too, after
// those that were given before. It fails the test at once if an event is not among those of the
// type.
//
// Given does not change the case that it is called on. So the test fails at its end if nobody used
// the case that Given returned. The same holds for Applied and PartitionKey.
func (c *GroupCase[S]) Given(id string, events ...aggregate.Event[S]) *GroupCase[S] {
	c.t.Helper()
	if err := c.typ.Check(events...); err != nil {
		c.t.Fatalf("Given: %v", err)
	}
	next := c.next("Given")
	next.given = append(slices.Clone(c.given), aggregate.On(id, events...))
	return next
}

// Applied returns a case in which these commands were applied, too, in the partition key of the
// aggregates. All other commands were not.
func (c *GroupCase[S]) Applied(commandIDs ...string) *GroupCase[S] {
	c.t.Helper()
	next := c.next("Applied")
	next.applied = maps.Clone(c.applied)
	if next.applied == nil {
		next.applied = make(map[string]bool)
	}
	for _, id := range commandIDs {
		next.applied[id] = true
	}
	return next
}

// PartitionKey returns a case of aggregates whose category has the partition key. Then the test
// fails if a store would refuse the ids that the decision looks at and changes, because they are of
// several partition keys.
func (c *GroupCase[S]) PartitionKey(key eventstore.PartitionKey) *GroupCase[S] {
	c.t.Helper()
	next := c.next("PartitionKey")
	next.key = &key
	return next
}

// next returns a copy, which must be used.
func (c *GroupCase[S]) next(method string) *GroupCase[S] {
	c.used = true
	next := *c
	next.used = false
	c.t.Cleanup(func() {
		if !next.used && !c.t.Failed() && !someSubtestsOnly() {
			c.t.Errorf("%s: the case was never used: %s returns another case, "+
				"and leaves the one that it is called on as it is", &next, method)
		}
	})
	return &next
}

// String says where in a test this is.
func (c *GroupCase[S]) String() string {
	events, ids := 0, make(map[string]bool)
	for _, g := range c.given {
		events += len(g.Events)
		ids[g.ID] = true
	}
	return fmt.Sprintf("%s, %d events of %d aggregates given", c.typ.Name(), events, len(ids))
}

// When calls decide with a group of the aggregates that the given events make. An aggregate without
// given events has the zero state. The test must look at the answer with a method of the
// [GroupOutcome], or it fails at its end.
//
// The test also fails if decide is not what a repository needs. When calls decide twice. The test
// fails if decide
//   - answers differently the second time;
//   - changes a state;
//   - returns an event that is not among those of the type;
//   - returns both events and an error.
func (c *GroupCase[S]) When(
	decide func(*aggregate.Group[S]) ([]aggregate.Change[S], error),
) *GroupOutcome[S] {
	c.t.Helper()
	c.used = true
	if decide == nil {
		c.t.Fatalf("When: the decision is nil; give a function such as a command's Decide")
	}
	o := &GroupOutcome[S]{c: c, applies: true}
	o.t, o.what = c.t, c.String()
	g := when(&o.answer, func() (g *group[S], decided []placed, changed string, err error) {
		g = &group[S]{c: c, states: make(map[string]S)}
		changes, err := decide(aggregate.NewGroup(g.state, g.applied))
		g.over.Store(true)
		g.changes = copied(changes) // as a repository stores them now, whatever is shared with the states
		return g, placeAll(g.changes), g.changed(), err
	})
	o.changes = g.changes
	for _, change := range o.changes {
		if err := c.typ.Check(change.Events...); err != nil {
			c.t.Errorf("%s: %v", o, err)
			o.applies = false
		}
	}
	o.oneKey(g.asked)
	o.mustBeLookedAt()
	return o
}

// root returns an aggregate as the given events make it, and those of more.
func (c *GroupCase[S]) root(id string, more ...aggregate.Change[S]) *aggregate.Root[S] {
	var events []aggregate.Event[S]
	for _, change := range slices.Concat(c.given, more) {
		if change.ID == id {
			events = append(events, change.Events...)
		}
	}
	return c.typ.FromEvents(id, deepcopy.Of(events)...)
}

// group stands behind the group of one call of a decision.
type group[S any] struct {
	c       *GroupCase[S]
	states  map[string]S
	asked   []string
	changes []aggregate.Change[S] // its answer
	over    atomic.Bool           // it has returned
}

func (g *group[S]) state(id string) S {
	g.use(id)
	state, known := g.states[id]
	if !known {
		state = g.c.root(id).State()
		g.states[id] = state
	}
	return state
}

func (g *group[S]) applied(id, commandID string) bool {
	g.use(id)
	if err := eventstore.CheckCommandID(commandID); err != nil {
		g.c.t.Errorf("%s: Applied: %v", g.c, err)
	}
	return g.c.applied[commandID]
}

func (g *group[S]) use(id string) {
	if g.over.Load() {
		panic("aggregatetest: a Group was used after its decision had returned: only the decision may use it")
	}
	g.asked = append(g.asked, id)
}

// changed says how the states differ from what they were.
func (g *group[S]) changed() string {
	all := ""
	for _, id := range slices.Sorted(maps.Keys(g.states)) {
		if d := diffValues(g.states[id], g.c.root(id).State(), "after", "before"); d != "" {
			all += id + "\n" + d
		}
	}
	return all
}

func placeAll[S any](changes []aggregate.Change[S]) []placed {
	var all []placed
	for _, c := range changes {
		all = append(all, place(c.ID, c.Events)...)
	}
	return all
}

func copied[S any](changes []aggregate.Change[S]) []aggregate.Change[S] {
	all := slices.Clone(changes)
	for i := range all {
		all[i].Events = deepcopy.Of(all[i].Events)
	}
	return all
}
