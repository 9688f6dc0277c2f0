package aggregatetest_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/aggregatetest"
)

// shelf is a state with references, whose Clone is as the test says.
type shelf[How cloning] struct {
	Items map[string]*copies
	order []string
	last  *copies // one of Items
	how   How
}

type copies struct{ Count int }

// cloning says how a shelf is cloned.
type cloning interface {
	clone(map[string]*copies, []string, *copies) (map[string]*copies, []string, *copies)
}

func (s shelf[How]) Clone() shelf[How] {
	s.Items, s.order, s.last = s.how.clone(s.Items, s.order, s.last)
	return s
}

type placedOn[How cloning] struct{ Names []string }

func (placedOn[How]) EventType() string { return "Placed" }

func (e placedOn[How]) Apply(s *shelf[How]) {
	for _, name := range e.Names {
		if s.Items == nil {
			s.Items = make(map[string]*copies)
		}
		if s.Items[name] == nil {
			s.Items[name] = &copies{}
			s.order = append(s.order, name)
		}
		s.last = s.Items[name]
		s.last.Count++
	}
}

type deep struct{}

func (deep) clone(items map[string]*copies, order []string, last *copies) (map[string]*copies, []string, *copies) {
	all := make(map[string]*copies)
	for name, c := range items {
		all[name] = &copies{c.Count}
	}
	for name, c := range items {
		if c == last {
			return all, slices.Clone(order), all[name]
		}
	}
	return all, slices.Clone(order), nil
}

type shallow struct{}

func (shallow) clone(items map[string]*copies, order []string, last *copies) (map[string]*copies, []string, *copies) {
	return maps.Clone(items), slices.Clone(order), last
}

type forgetful struct{ deep }

func (f forgetful) clone(items map[string]*copies, _ []string, last *copies) (map[string]*copies, []string, *copies) {
	items, _, last = f.deep.clone(items, nil, last)
	return items, nil, last
}

func shelves[How cloning]() *aggregate.Type[shelf[How]] {
	return aggregate.NewType[shelf[How]]("Shelf", placedOn[How]{})
}

func placedEvents[How cloning]() []aggregate.Event[shelf[How]] {
	return []aggregate.Event[shelf[How]]{
		placedOn[How]{Names: []string{"a", "b"}},
		placedOn[How]{Names: []string{"a", "c"}},
		placedOn[How]{Names: []string{"c"}},
	}
}

func TestCheckState(t *testing.T) {
	t.Parallel()
	aggregatetest.CheckState(t, shelves[deep](), placedEvents[deep]()...)
	aggregatetest.CheckState(t, shelves[deep]())

	failures := record(t, func(tb testing.TB) {
		aggregatetest.CheckState(tb, shelves[shallow](), placedEvents[shallow]()...)
	})
	require.Len(t, failures, 1)
	require.Contains(t, failures[0], "after event 1, a copy of the state was taken, and the rest of the events was "+
		"applied to it. That has changed the state: let Clone copy all that an Apply changes.")
	require.Contains(t, failures[0], `Items["a"].Count`)

	failures = record(t, func(tb testing.TB) {
		aggregatetest.CheckState(tb, shelves[forgetful](), placedEvents[forgetful]()...)
	})
	require.Len(t, failures, 1)
	require.Contains(t, failures[0], "after event 1, a copy of the state does not go on as the state does: "+
		"let Clone copy all of it.")
}

// halved encodes itself, and loses something.
type halved struct {
	asked any
	Sum   int
}

func (h halved) Clone() halved                   { return h }
func (h halved) MarshalBinary() ([]byte, error)  { return fmt.Append(nil, h.Sum), nil }
func (h *halved) UnmarshalBinary(b []byte) error { _, err := fmt.Sscan(string(b), &h.Sum); return err }

type added struct{ Amount int }

func (added) EventType() string { return "Added" }
func (e added) Apply(h *halved) {
	if h.Sum += e.Amount; e.Amount > 5 {
		h.asked = "why so much"
	}
}

// windows has two slices of one memory.
type windows struct{ all, some []int }

func (w windows) Clone() windows {
	w.all = slices.Clone(w.all)
	w.some = w.all[:len(w.some)]
	return w
}

type slid struct{}

func (slid) EventType() string { return "Slid" }
func (slid) Apply(w *windows) {
	w.all = append(w.all, len(w.all))
	w.some = w.all[:len(w.all)/2]
}

// unready lacks a Clone, and cannot have snapshots.
type unready struct{ asked map[string]error }

type failed struct{}

func (failed) EventType() string { return "Failed" }
func (failed) Apply(u *unready)  { u.asked = map[string]error{"a": errors.New("b")} }

func TestCheckStateSnapshots(t *testing.T) {
	t.Parallel()
	sums := aggregate.NewType[halved]("Sum", added{})
	aggregatetest.CheckState(t, sums, added{2}, added{3})
	failures := record(t, func(tb testing.TB) { aggregatetest.CheckState(tb, sums, added{2}, added{6}, added{1}) })
	require.Len(t, failures, 1)
	require.Contains(t, failures[0], "after event 2, the state has no snapshot: encode a state of type "+
		"aggregatetest_test.halved: aggregatetest_test.halved: UnmarshalBinary does not make again what MarshalBinary "+
		"was called on")

	failures = record(t, func(tb testing.TB) {
		aggregatetest.CheckState(tb, aggregate.NewType[windows]("Window", slid{}), slid{}, slid{})
	})
	require.Len(t, failures, 1)
	require.Contains(t, failures[0], "refer to the same memory")
}

func TestCheckStateMistakes(t *testing.T) {
	t.Parallel()
	failures := record(t, func(tb testing.TB) {
		aggregatetest.CheckState(tb, aggregate.NewType[unready]("Unready", failed{}), failed{})
	})
	require.Len(t, failures, 2)
	require.Contains(t, failures[0], "Give aggregatetest_test.unready a method Clone()")
	require.Contains(t, failures[1], "cannot have snapshots, because its field asked[…] is of type error")

	failures = record(t, func(tb testing.TB) { aggregatetest.CheckState(tb, aggregate.NewType[halved]("", added{})) })
	require.Len(t, failures, 1)
	failures = record(t, func(tb testing.TB) {
		aggregatetest.CheckState(tb, aggregate.NewType[halved]("Sum"), added{1})
	})
	require.Len(t, failures, 1)
	require.Contains(t, failures[0], "is not among the events")
}

func ExampleCheckState() {
	t := new(testing.T) // in a test, its parameter
	accounts := aggregate.NewType("Account", credited{}, debited{})

	aggregatetest.CheckState(t, accounts, credited{Amount: 50}, debited{Amount: 20}, credited{Amount: 1})

	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}
