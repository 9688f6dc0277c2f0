package aggregatetest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/fencelog/fencelog/aggregate"
)

// answer is what a decision about one aggregate, or about several, has answered.
type answer struct {
	t       testing.TB
	what    string // was decided
	decided []placed
	err     error
	looked  bool
	thens   int // calls of then
}

// placed is an event and the aggregate that it is of.
type placed struct {
	id    string // empty if there is but one aggregate
	event any
}

func place[S any](id string, events []aggregate.Event[S]) []placed {
	var all []placed
	for _, e := range events {
		all = append(all, placed{id, e})
	}
	return all
}

// String says where in a test this is.
func (a *answer) String() string { return a.what }

// when makes a decision, twice, and returns what it answered first. decide also says which events
// that are, and how the decision has changed the states that it was given.
func when[T any](
	a *answer, decide func() (answered T, decided []placed, changed string, err error),
) (answered T) {
	a.t.Helper()
	var changed string
	answered, a.decided, changed, a.err = decide()
	_, again, _, err := decide()
	if d := diffEvents(a.decided, again, "first", "then"); d != "" {
		a.t.Errorf("%s: decide is not pure: called twice with the same state it answers differently\n%s", a, d)
	} else if fmt.Sprint(a.err) != fmt.Sprint(err) {
		a.t.Errorf("%s: decide is not pure: called twice with the same state it fails with\n  first %v\n  then  %v", a,
			a.err, err)
	}
	if changed != "" {
		a.t.Errorf("%s: decide changes the state it is given; only Apply may do that\n%s", a, changed)
	}
	if a.err != nil && len(a.decided) > 0 {
		a.t.Errorf("%s: decide answers with %d events and with the error %v; expected either", a, len(a.decided), a.err)
	}
	return answered
}

// mustBeLookedAt fails the test at its end if it has not looked at the answer.
func (a *answer) mustBeLookedAt() {
	a.t.Cleanup(func() {
		if !a.looked {
			a.t.Errorf("%s: the outcome was never looked at: call Then, ThenNothing or ThenError", a)
		}
	})
}

// then expects exactly these events.
func (a *answer) then(want []placed) {
	a.t.Helper()
	a.looked = true
	a.thens++
	if a.err != nil {
		a.t.Errorf("%s: refused, expected events\n  found    error %v\n  expected %s", a, a.err, list(want))
		return
	}
	if d := diffEvents(a.decided, want, "found", "expected"); d != "" {
		if a.thens > 1 {
			d += "Then was called before; it expects all events in one call\n"
		}
		a.t.Errorf("%s: other events than expected\n%s", a, d)
	}
}

// thenError expects a refusal that matches target.
func (a *answer) thenError(target error) {
	a.t.Helper()
	a.looked = true
	if target == nil {
		a.t.Fatalf("ThenError: the expected error is nil; expect no refusal with Then or ThenNothing")
	}
	switch {
	case a.err == nil:
		a.t.Errorf("%s: not refused\n  found    %s\n  expected error %v", a, list(a.decided), target)
	case !errors.Is(a.err, target):
		a.t.Errorf("%s: refused for another reason\n  found    error %v\n  expected error %v", a, a.err, target)
	}
}

// diffEvents says, event by event, how a differs from b; it returns "" if it does not.
func diffEvents(a, b []placed, nameA, nameB string) string {
	var out strings.Builder
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			fmt.Fprintf(&out, "event %d\n%s", i+1, lines("", "nothing", b[i].String(), nameA, nameB))
		case i >= len(b):
			fmt.Fprintf(&out, "event %d\n%s", i+1, lines("", a[i].String(), "nothing", nameA, nameB))
		case a[i].id != b[i].id || reflect.TypeOf(a[i].event) != reflect.TypeOf(b[i].event):
			fmt.Fprintf(&out, "event %d\n%s", i+1, lines("", a[i].String(), b[i].String(), nameA, nameB))
		default:
			if d := diffValues(a[i].event, b[i].event, nameA, nameB); d != "" {
				fmt.Fprintf(&out, "event %d, %s\n%s", i+1, a[i].title(), d)
			}
		}
	}
	return out.String()
}

// title returns the type of the event, and the id.
func (p placed) title() string {
	title := fmt.Sprintf("%T", p.event)
	if p.id != "" {
		title += " of " + p.id
	}
	return title
}

// String returns the event as text, and the id.
func (p placed) String() string {
	if p.id == "" {
		return render(p.event)
	}
	return p.id + ": " + render(p.event)
}

// list returns the events as text.
func list(events []placed) string {
	texts := make([]string, len(events))
	for i, p := range events {
		texts[i] = p.String()
	}
	return "[" + strings.Join(texts, ", ") + "]"
}
