package aggregatetest_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/aggregatetest"
)

type cart struct {
	Items map[string]int
	Note  string
}

type itemAdded struct {
	Name  string
	Count int
	Price *int64
	At    time.Time
	Tags  []string
	Extra map[string]int
}

func (itemAdded) EventType() string { return "ItemAdded" }
func (e itemAdded) Apply(c *cart) {
	if c.Items == nil {
		c.Items = make(map[string]int)
	}
	c.Items[e.Name] += e.Count
}

type checkedOut struct{}

func (checkedOut) EventType() string { return "CheckedOut" }
func (checkedOut) Apply(c *cart)     { c.Note = "done" }

type unnamed struct{}

func (unnamed) EventType() string { return "Unnamed" }
func (unnamed) Apply(*cart)       {}

type events = []aggregate.Event[cart]

var (
	errEmpty = errors.New("cart is empty")
	errDone  = errors.New("cart is checked out")
)

func carts() *aggregate.Type[cart] { return aggregate.NewType("Cart", itemAdded{}, checkedOut{}) }

func checkOut(c cart) ([]aggregate.Event[cart], error) {
	switch {
	case c.Note != "":
		return nil, fmt.Errorf("check out: %w", errDone)
	case len(c.Items) == 0:
		return nil, errEmpty
	}
	return events{checkedOut{}}, nil
}

// decides returns a decision that is the same whatever the state.
func decides(e ...aggregate.Event[cart]) func(cart) ([]aggregate.Event[cart], error) {
	return func(cart) ([]aggregate.Event[cart], error) { return e, nil }
}

func refuses(err error) func(cart) ([]aggregate.Event[cart], error) {
	return func(cart) ([]aggregate.Event[cart], error) { return nil, err }
}

func price(p int64) *int64 { return &p }

// noTime is the zero time as a failure shows it.
const noTime = "0001-01-01 00:00:00 +0000 UTC"

func TestOutcome(t *testing.T) {
	t.Parallel()
	empty := aggregatetest.For(t, carts())
	filled := empty.Given(itemAdded{Name: "pen", Count: 2})
	done := filled.Given(checkedOut{})

	empty.When(checkOut).ThenError(errEmpty)
	filled.When(checkOut).Then(checkedOut{}).ThenState(cart{Items: map[string]int{"pen": 2}, Note: "done"})
	done.When(checkOut).ThenError(errDone)
	empty.When(decides()).ThenNothing()
	require.ErrorIs(t, empty.When(checkOut).Err(), errEmpty)
	require.Equal(t, events{checkedOut{}}, filled.When(checkOut).Events())

	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	elsewhere := noon.In(time.FixedZone("X", 3600))
	empty.When(decides(itemAdded{At: noon, Price: price(3), Tags: []string{}})).
		Then(itemAdded{At: elsewhere, Price: price(3), Extra: map[string]int{}})
}

// Events that are given later happen after those that were given before, however often. Several
// cases may start from one.
func TestGivenTwice(t *testing.T) {
	t.Parallel()
	added := func(name string, n int) itemAdded { return itemAdded{Name: name, Count: n} }
	one := aggregatetest.For(t, carts()).Given(added("pen", 1))
	two := one.Given(added("pen", 2))
	both := two.Given(added("ink", 3), checkedOut{})
	other := two.Given(added("ink", 4)) // beside both, which it must not disturb
	for _, tt := range []struct {
		given *aggregatetest.Case[cart]
		state cart
	}{
		{one, cart{Items: map[string]int{"pen": 1}}},
		{two, cart{Items: map[string]int{"pen": 3}}},
		{both, cart{Items: map[string]int{"pen": 3, "ink": 3}, Note: "done"}},
		{other, cart{Items: map[string]int{"pen": 3, "ink": 4}}},
		{two.Given(), cart{Items: map[string]int{"pen": 3}}},
	} {
		for range 2 { // a case may be used again
			tt.given.When(decides()).ThenNothing().ThenState(tt.state)
			tt.given.When(func(c cart) ([]aggregate.Event[cart], error) {
				require.Equal(t, tt.state, c)
				return nil, nil
			}).ThenNothing()
		}
	}
	two.When(checkOut).Then(checkedOut{}).Then(checkedOut{}).ThenState(cart{
		Items: map[string]int{"pen": 3}, Note: "done",
	})
}

func TestOutcomeFailures(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		test func(*aggregatetest.Case[cart])
		want string
	}{
		{
			"another field",
			func(c *aggregatetest.Case[cart]) {
				c.When(decides(
					checkedOut{},
					itemAdded{
						Name: "pen", Count: 1, Price: price(3), At: noon, Tags: []string{"a", "b"},
						Extra: map[string]int{"x": 1},
					},
				)).Then(
					checkedOut{},
					itemAdded{
						Name: "ink", Count: 2, Price: price(4), At: noon.Add(time.Hour), Tags: []string{"a", "c"},
						Extra: map[string]int{"y": 1},
					},
				)
			},
			`Cart, 0 events given: other events than expected
event 2, aggregatetest_test.itemAdded
  Name: found    "pen"
        expected "ink"
  Count: found    1
         expected 2
  Price: found    3
         expected 4
  At: found    2026-03-01 12:00:00 +0000 UTC
      expected 2026-03-01 13:00:00 +0000 UTC
  Tags[1]: found    "b"
           expected "c"
  Extra["x"]: found    1
              expected nothing
  Extra["y"]: found    nothing
              expected 1`,
		},
		{
			"nil pointer, other length",
			func(c *aggregatetest.Case[cart]) {
				c.When(decides(itemAdded{Tags: []string{"a"}})).Then(itemAdded{Price: price(0)})
			},
			`Cart, 0 events given: other events than expected
event 1, aggregatetest_test.itemAdded
  Price: found    nil
         expected 0
  Tags: found    ["a"]
        expected []`,
		},
		{
			"another event, and one too many",
			func(c *aggregatetest.Case[cart]) {
				c.Given(checkedOut{}).When(decides(itemAdded{Name: "pen"}, checkedOut{})).Then(checkedOut{})
			},
			`Cart, 1 events given: other events than expected
event 1
  found    aggregatetest_test.itemAdded{Name: "pen", Count: 0, Price: nil, At: ` + noTime + `, Tags: [], Extra: {}}
  expected aggregatetest_test.checkedOut{}
event 2
  found    aggregatetest_test.checkedOut{}
  expected nothing`,
		},
		{
			"one too few",
			func(c *aggregatetest.Case[cart]) { c.When(decides()).Then(checkedOut{}) },
			"Cart, 0 events given: other events than expected\nevent 1\n  found    nothing\n  expected " +
				"aggregatetest_test.checkedOut{}",
		},
		{
			"not nothing",
			func(c *aggregatetest.Case[cart]) { c.When(decides(checkedOut{})).ThenNothing() },
			"Cart, 0 events given: other events than expected\nevent 1\n  found    " +
				"aggregatetest_test.checkedOut{}\n  expected nothing",
		},
		{
			"refused",
			func(c *aggregatetest.Case[cart]) { c.When(checkOut).Then(checkedOut{}) },
			"Cart, 0 events given: refused, expected events\n  found    error cart is empty\n  expected " +
				"[aggregatetest_test.checkedOut{}]",
		},
		{
			"refused, not nothing",
			func(c *aggregatetest.Case[cart]) { c.When(checkOut).ThenNothing() },
			"Cart, 0 events given: refused, expected events\n  found    error cart is empty\n  expected []",
		},
		{
			"not refused",
			func(c *aggregatetest.Case[cart]) { c.When(decides(checkedOut{})).ThenError(errEmpty) },
			"Cart, 0 events given: not refused\n  found    [aggregatetest_test.checkedOut{}]\n  " +
				"expected error cart is empty",
		},
		{
			"refused for another reason",
			func(c *aggregatetest.Case[cart]) { c.When(checkOut).ThenError(errDone) },
			"Cart, 0 events given: refused for another reason\n  found    error cart is empty\n  expected " +
				"error cart is checked out",
		},
		{
			"another state",
			func(c *aggregatetest.Case[cart]) { c.When(decides(checkedOut{})).ThenState(cart{}) },
			"Cart, 0 events given: another state than expected\n  Note: found    \"done\"\n        expected \"\"",
		},
		{
			"a case that is dropped",
			func(c *aggregatetest.Case[cart]) {
				c.Given(itemAdded{Name: "pen", Count: 1})
				c.Given(checkedOut{}).When(checkOut).ThenError(errDone)
			},
			"Cart, 1 events given: the case was never used: Given returns another case, " +
				"and leaves the one that it is called on as it is",
		},
		{
			"one event after the other",
			func(c *aggregatetest.Case[cart]) {
				pen, ink := itemAdded{Name: "pen"}, itemAdded{Name: "ink"}
				c.When(decides(pen, ink)).Then(pen, ink).Then(pen)
			},
			`Cart, 0 events given: other events than expected
event 2
  found    aggregatetest_test.itemAdded{Name: "ink", Count: 0, Price: nil, At: ` + noTime + `, Tags: [], Extra: {}}
  expected nothing
Then was called before; it expects all events in one call`,
		},
		{
			"expects a pointer",
			func(c *aggregatetest.Case[cart]) {
				c.When(decides(checkedOut{})).Then(&checkedOut{})
				panic("not reached")
			},
			`Then: event *aggregatetest_test.checkedOut ("") is not among the events of aggregate type "Cart": ` +
				`add it to aggregate.NewType, by value`,
		},
		{
			"expects nil",
			func(c *aggregatetest.Case[cart]) { c.When(decides(checkedOut{})).Then(nil); panic("not reached") },
			`Then: event <nil> ("") is not among the events of aggregate type "Cart": ` +
				`add it to aggregate.NewType, by value`,
		},
		{
			"given nil",
			func(c *aggregatetest.Case[cart]) { c.Given(nil); panic("not reached") },
			`Given: event <nil> ("") is not among the events of aggregate type "Cart": ` +
				`add it to aggregate.NewType, by value`,
		},
		{
			"expects no error as an error",
			func(c *aggregatetest.Case[cart]) { c.When(decides()).ThenError(nil); panic("not reached") },
			"ThenError: the expected error is nil; expect no refusal with Then or ThenNothing",
		},
		{
			"no decision",
			func(c *aggregatetest.Case[cart]) { c.When(nil); panic("not reached") },
			"When: the decision is nil; give a function such as a command's Decide",
		},
		{
			"never looked at",
			func(c *aggregatetest.Case[cart]) { c.When(checkOut) },
			"Cart, 0 events given: the outcome was never looked at: call Then, ThenNothing or ThenError",
		},
		{
			"given an unnamed event",
			func(c *aggregatetest.Case[cart]) { c.Given(unnamed{}); panic("not reached") },
			`Given: event aggregatetest_test.unnamed ("Unnamed") is not among the events of aggregate type "Cart": ` +
				`add it to aggregate.NewType, by value`,
		},
		{
			"decides an unnamed event",
			func(c *aggregatetest.Case[cart]) { c.When(decides(unnamed{})).Then(unnamed{}) },
			`Cart, 0 events given: event aggregatetest_test.unnamed ("Unnamed") is not among ` +
				`the events of aggregate type "Cart": add it to aggregate.NewType, by value`,
		},
		{
			"events and error",
			func(c *aggregatetest.Case[cart]) {
				c.When(func(cart) ([]aggregate.Event[cart], error) {
					return events{checkedOut{}}, errDone
				}).ThenError(errDone)
			},
			"Cart, 0 events given: decide answers with 1 events and with the error cart is checked out; " +
				"expected either",
		},
		{
			"other events the second time",
			func(c *aggregatetest.Case[cart]) {
				n := 0
				c.When(func(cart) ([]aggregate.Event[cart], error) {
					n++
					return events{itemAdded{Count: n}}, nil
				}).Then(itemAdded{Count: 1})
			},
			"Cart, 0 events given: decide is not pure: called twice with the same state it answers " +
				"differently\nevent 1, aggregatetest_test.itemAdded\n  Count: first 1\n         then  2",
		},
		{
			"another error the second time",
			func(c *aggregatetest.Case[cart]) {
				n := 0
				c.When(func(cart) ([]aggregate.Event[cart], error) {
					n++
					return nil, fmt.Errorf("try %d: %w", n, errDone)
				}).ThenError(errDone)
			},
			"Cart, 0 events given: decide is not pure: called twice with the same state it fails with\n  first try " +
				"1: cart is checked out\n  then  try 2: cart is checked out",
		},
		{
			"changes the state",
			func(c *aggregatetest.Case[cart]) {
				c.Given(itemAdded{Name: "pen", Count: 1}).When(func(c cart) ([]aggregate.Event[cart], error) {
					delete(c.Items, "pen")
					return nil, nil
				}).ThenNothing()
			},
			"Cart, 1 events given: decide changes the state it is given; only Apply may do that\n  Items[\"pen\"]: " +
				"after  nothing\n                before 1",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			failures := record(t, func(tb testing.TB) { tt.test(aggregatetest.For(tb, carts())) })
			require.Equal(t, []string{tt.want}, failures)
		})
	}
}

func TestForMistakes(t *testing.T) {
	t.Parallel()
	failures := record(t, func(tb testing.TB) {
		aggregatetest.For(tb, aggregate.NewType("", itemAdded{}))
		panic("not reached")
	})
	require.Len(t, failures, 1)
	require.Contains(t, failures[0], "aggregate type")

	failures = record(t, func(tb testing.TB) {
		aggregatetest.For[cart](tb, nil)
		panic("not reached")
	})
	require.Equal(t, []string{"For: the aggregate type is nil; give the one that aggregate.NewType returned"}, failures)
}

func TestOutcomeErr(t *testing.T) {
	t.Parallel()
	require.NoError(t, aggregatetest.For(t, carts()).When(decides()).Err())
	require.Same(t, errDone, aggregatetest.For(t, carts()).When(refuses(errDone)).Err())
}
