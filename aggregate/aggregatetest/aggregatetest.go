package aggregatetest

import (
	"errors"
	"flag"
	"fmt"
	"reflect"
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
	if typ == nil {
		t.Fatalf("For: the aggregate type is nil; give the one that aggregate.NewType returned")
	}
	if err := typ.Err(); err != nil {
		t.Fatalf("%v", err)
	}
	return &Case[S]{t: t, typ: typ}
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
	root, again, untouched := c.root(), c.root(), c.root()
	state := root.State()
	o := &Outcome[S]{t: c.t, typ: c.typ, given: len(c.given)}
	o.events, o.err = decide(state)
	o.events = deepcopy.Of(o.events) // as a repository stores them now, whatever is shared with the state

	events, err := decide(again.State())
	if d := diffEvents(o.events, events, "first", "then"); d != "" {
		c.t.Errorf("%s: decide is not pure: called twice with the same state it answers differently\n%s", o, d)
	} else if fmt.Sprint(o.err) != fmt.Sprint(err) {
		c.t.Errorf("%s: decide is not pure: called twice with the same state it fails with\n  first %v\n  then  %v", o,
			o.err, err)
	}
	if d := diffValues("", state, untouched.State(), "after", "before"); d != "" {
		c.t.Errorf("%s: decide changes the state it is given; only Apply may do that\n%s", o, d)
	}
	if o.err != nil && len(o.events) > 0 {
		c.t.Errorf("%s: decide answers with %d events and with the error %v; expected either", o, len(o.events), o.err)
	}
	if err := c.typ.Check(o.events...); err != nil {
		c.t.Errorf("%s: %v", o, err)
	} else {
		o.after = func() S {
			return c.typ.FromEvents(c.typ.Name(), slices.Concat(deepcopy.Of(c.given), o.events)...).State()
		}
	}
	c.t.Cleanup(func() {
		if !o.looked {
			c.t.Errorf("%s: the outcome was never looked at: call Then, ThenNothing or ThenError", o)
		}
	})
	return o
}

func (c *Case[S]) root() *aggregate.Root[S] {
	return c.typ.FromEvents(c.typ.Name(), deepcopy.Of(c.given)...)
}

// Outcome is what was decided.
type Outcome[S any] struct {
	t      testing.TB
	typ    *aggregate.Type[S]
	given  int
	after  func() S // nil where what was decided cannot be applied
	events []aggregate.Event[S]
	err    error
	looked bool
	thens  int // calls of Then
}

// String says where in a test this is.
func (o *Outcome[S]) String() string {
	return fmt.Sprintf("%s, %d events given", o.typ.Name(), o.given)
}

// Then expects exactly these events, in this order, all in one call. It compares fields by value,
// also behind pointers. It compares an exported field by the method Equal if the field's type has
// one, such as time.Time. A nil slice or map equals an empty one. Then fails the test at once if an
// event is not among those of the type.
func (o *Outcome[S]) Then(events ...aggregate.Event[S]) *Outcome[S] {
	o.t.Helper()
	o.looked = true
	o.thens++
	if err := o.typ.Check(events...); err != nil && o.after != nil { // otherwise the test was told
		o.t.Fatalf("Then: %v", err)
	}
	if o.err != nil {
		o.t.Errorf("%s: refused, expected events\n  found    error %v\n  expected %s", o, o.err, render(events))
		return o
	}
	if d := diffEvents(o.events, events, "found", "expected"); d != "" {
		if o.thens > 1 {
			d += "Then was called before; it expects all events in one call\n"
		}
		o.t.Errorf("%s: other events than expected\n%s", o, d)
	}
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
	o.looked = true
	if target == nil {
		o.t.Fatalf("ThenError: the expected error is nil; expect no refusal with Then or ThenNothing")
	}
	switch {
	case o.err == nil:
		o.t.Errorf("%s: not refused\n  found    %s\n  expected error %v", o, render(o.events), target)
	case !errors.Is(o.err, target):
		o.t.Errorf("%s: refused for another reason\n  found    error %v\n  expected error %v", o, o.err, target)
	}
	return o
}

// ThenState expects the state that the given and the decided events make together.
func (o *Outcome[S]) ThenState(want S) *Outcome[S] {
	o.t.Helper()
	o.looked = true
	if o.after == nil {
		return o // what was decided cannot be applied, which the test was told
	}
	if d := diffValues("", o.after(), want, "found", "expected"); d != "" {
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

// diffEvents says, event by event, how a differs from b; it returns "" if it does not.
func diffEvents[S any](a, b []aggregate.Event[S], nameA, nameB string) string {
	var out strings.Builder
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			fmt.Fprintf(&out, "event %d\n%s", i+1, lines("", "nothing", render(b[i]), nameA, nameB))
		case i >= len(b):
			fmt.Fprintf(&out, "event %d\n%s", i+1, lines("", render(a[i]), "nothing", nameA, nameB))
		case reflect.TypeOf(a[i]) != reflect.TypeOf(b[i]):
			fmt.Fprintf(&out, "event %d\n%s", i+1, lines("", render(a[i]), render(b[i]), nameA, nameB))
		default:
			if d := diffValues("", a[i], b[i], nameA, nameB); d != "" {
				fmt.Fprintf(&out, "event %d, %T\n%s", i+1, a[i], d)
			}
		}
	}
	return out.String()
}
