package aggregatetest

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/internal/deepcopy"
)

// Case is an aggregate to which some events have happened. It does not change, so several cases may
// start from one.
type Case[S any] struct {
	t     testing.TB
	typ   *aggregate.Type[S]
	given []aggregate.Event[S]
	used  bool // by Given or When
}

// For starts a case of an aggregate to which nothing has happened. It fails the test at once if typ
// is nil, or if aggregate.NewType found a mistake.
func For[S any](t testing.TB, typ *aggregate.Type[S]) *Case[S] {
	t.Helper()
	mustBeGood(t, "For", typ)
	return &Case[S]{t: t, typ: typ}
}

// mustBeGood fails the test at once if typ is nil, or if aggregate.NewType found a mistake.
func mustBeGood[S any](t testing.TB, who string, typ *aggregate.Type[S]) {
	t.Helper()
	if typ == nil {
		t.Fatalf("%s: the aggregate type is nil; give the one that aggregate.NewType returned", who)
	}
	if err := typ.Err(); err != nil {
		t.Fatalf("%v", err)
	}
}

// Given returns a case to which these events have happened, too, after those that were given
// before. It fails the test at once if an event is not among those of the type.
//
// Given does not change the case that it is called on. So the test fails at its end if nobody used
// the case that Given returned.
func (c *Case[S]) Given(events ...aggregate.Event[S]) *Case[S] {
	c.t.Helper()
	c.used = true
	if err := c.typ.Check(events...); err != nil {
		c.t.Fatalf("Given: %v", err)
	}
	next := &Case[S]{t: c.t, typ: c.typ, given: slices.Concat(c.given, events)}
	c.t.Cleanup(func() {
		if !next.used && !c.t.Failed() && !someSubtestsOnly() {
			c.t.Errorf("%s, %d events given: the case was never used: Given returns another case, "+
				"and leaves the one that it is called on as it is", c.typ.Name(), len(next.given))
		}
	})
	return next
}

// someSubtestsOnly reports whether go test was asked for some subtests. These need not use all
// cases of the test around them.
func someSubtestsOnly() bool {
	run := flag.Lookup("test.run")
	return run != nil && strings.Contains(run.Value.String(), "/")
}

// When calls decide with the state that the given events make. The test must look at the answer
// with a method of the [Outcome], or it fails at its end.
//
// The test also fails if decide is not what a repository needs. When calls decide twice. The test
// fails if decide
//   - answers differently the second time;
//   - changes the state;
//   - returns an event that is not among those of the type;
//   - returns both events and an error.
func (c *Case[S]) When(decide func(S) ([]aggregate.Event[S], error)) *Outcome[S] {
	c.t.Helper()
	c.used = true
	if decide == nil {
		c.t.Fatalf("When: the decision is nil; give a function such as a command's Decide")
	}
	o := &Outcome[S]{typ: c.typ}
	o.t, o.what = c.t, fmt.Sprintf("%s, %d events given", c.typ.Name(), len(c.given))
	events := when(&o.answer, func() (events []aggregate.Event[S], decided []placed, changed string, err error) {
		state := c.root().State()
		events, err = decide(state)
		events = deepcopy.Of(events) // as a repository stores them now, whatever is shared with the state
		return events, place("", events), diffValues(state, c.root().State(), "after", "before"), err
	})
	if err := c.typ.Check(events...); err != nil {
		c.t.Errorf("%s: %v", o, err)
	} else {
		o.after = func() S {
			return c.typ.FromEvents(c.typ.Name(), slices.Concat(deepcopy.Of(c.given), events)...).State()
		}
	}
	o.events = events
	o.mustBeLookedAt()
	return o
}

func (c *Case[S]) root() *aggregate.Root[S] {
	return c.typ.FromEvents(c.typ.Name(), deepcopy.Of(c.given)...)
}

// Outcome is what was decided.
type Outcome[S any] struct {
	answer

	typ    *aggregate.Type[S]
	events []aggregate.Event[S]
	after  func() S // nil where what was decided cannot be applied
}

// Then expects exactly these events, in this order, all in one call. It compares fields by value,
// also behind pointers. It compares an exported field by the method Equal if the field's type has
// one, such as time.Time. A nil slice or map equals an empty one. Then fails the test at once if an
// event is not among those of the type.
func (o *Outcome[S]) Then(events ...aggregate.Event[S]) *Outcome[S] {
	o.t.Helper()
	if err := o.typ.Check(events...); err != nil && o.after != nil { // otherwise the test was told
		o.looked = true
		o.t.Fatalf("Then: %v", err)
	}
	o.then(place("", events))
	return o
}

// ThenNothing expects no events and no error, because there was nothing to do.
func (o *Outcome[S]) ThenNothing() *Outcome[S] {
	o.t.Helper()
	return o.Then()
}

// ThenError expects a refusal that matches target, as errors.Is does.
func (o *Outcome[S]) ThenError(target error) *Outcome[S] {
	o.t.Helper()
	o.thenError(target)
	return o
}

// ThenState expects the state that the given and the decided events make together.
func (o *Outcome[S]) ThenState(want S) *Outcome[S] {
	o.t.Helper()
	o.looked = true
	if o.after == nil {
		return o // what was decided cannot be applied, which the test was told
	}
	if d := diffValues(o.after(), want, "found", "expected"); d != "" {
		o.t.Errorf("%s: another state than expected\n%s", o, d)
	}
	return o
}

// Err returns the error, for a test that needs more than ThenError.
func (o *Outcome[S]) Err() error {
	o.looked = true
	return o.err
}

// Events returns the events, for a test that needs more than Then.
func (o *Outcome[S]) Events() []aggregate.Event[S] {
	o.looked = true
	return slices.Clone(o.events)
}
