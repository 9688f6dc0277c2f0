package aggregatetest_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/aggregatetest"
	"github.com/fencelog/fencelog/eventstore"
)

type (
	group   = aggregate.Group[cart]
	changes = []aggregate.Change[cart]
)

var errNoPens = errors.New("no pens")

// movePen moves a pen from one cart to another.
func movePen(from, to string) func(*group) (changes, error) {
	return func(g *group) (changes, error) {
		switch {
		case g.Applied(from, "moved"):
			return nil, nil
		case g.State(from).Items["pen"] == 0:
			return nil, fmt.Errorf("%s: %w", from, errNoPens)
		case g.State(to).Note != "":
			return nil, errDone
		}
		return changes{aggregate.On(from, pens(-1)), aggregate.On(to, pens(1))}, nil
	}
}

func pens(n int) itemAdded { return itemAdded{Name: "pen", Count: n} }

func decidesAll(c ...aggregate.Change[cart]) func(*group) (changes, error) {
	return func(*group) (changes, error) { return c, nil }
}

func TestGroupOutcome(t *testing.T) {
	t.Parallel()
	empty := aggregatetest.ForAll(t, carts())
	filled := empty.PartitionKey(eventstore.BeforeSlash).
		Given("u/a", pens(1)).Given("u/b", pens(5)).Given("u/a", pens(2))
	done := filled.Given("u/b", checkedOut{})

	empty.When(movePen("u/a", "u/b")).ThenError(errNoPens)
	filled.When(movePen("u/a", "u/b")).
		Then(aggregate.On("u/a", pens(-1)), aggregate.On("u/b", pens(1))).
		ThenState("u/a", cart{Items: map[string]int{"pen": 2}}).
		ThenState("u/b", cart{Items: map[string]int{"pen": 6}}).
		ThenState("u/c", cart{})
	done.When(movePen("u/a", "u/b")).ThenError(errDone)
	filled.Applied("other").Applied("moved", "moved too").When(movePen("u/a", "u/b")).ThenNothing()
	filled.Applied("other").When(movePen("u/a", "u/c")).
		Then(aggregate.On("u/a", pens(-1)), aggregate.On("u/c", pens(1)))
	require.ErrorIs(t, empty.When(movePen("u/a", "u/b")).Err(), errNoPens)
	require.Equal(t, changes{aggregate.On("x", pens(1))}, empty.When(decidesAll(aggregate.On("x", pens(1)))).Changes())

	// Two changes of one aggregate in a row are the same as one.
	empty.When(decidesAll(
		aggregate.On("a", pens(1)), aggregate.Change[cart]{ID: "c"}, aggregate.On("a", pens(2), checkedOut{}),
	)).Then(aggregate.On("a", pens(1), pens(2)), aggregate.On("a", checkedOut{}))
	empty.When(decidesAll(aggregate.Change[cart]{ID: "a"})).ThenNothing()
}

func TestGroupOutcomeFailures(t *testing.T) {
	t.Parallel()
	const pen = `Price: nil, At: ` + noTime + `, Tags: [], Extra: {}}`
	for _, tt := range []struct {
		name string
		test func(*aggregatetest.GroupCase[cart])
		want string
	}{
		{
			"another aggregate, another field, one too many",
			func(c *aggregatetest.GroupCase[cart]) {
				c.When(decidesAll(aggregate.On("a", checkedOut{}, pens(1)), aggregate.On("b", checkedOut{}))).
					Then(aggregate.On("b", checkedOut{}), aggregate.On("a", pens(2)))
			},
			`Cart, 0 events of 0 aggregates given: other events than expected
event 1
  found    a: aggregatetest_test.checkedOut{}
  expected b: aggregatetest_test.checkedOut{}
event 2, aggregatetest_test.itemAdded of a
  Count: found    1
         expected 2
event 3
  found    b: aggregatetest_test.checkedOut{}
  expected nothing`,
		},
		{
			"one after the other",
			func(c *aggregatetest.GroupCase[cart]) {
				c.When(decidesAll(aggregate.On("a", checkedOut{}), aggregate.On("b", checkedOut{}))).
					Then(aggregate.On("a", checkedOut{}), aggregate.On("b", checkedOut{})).
					Then(aggregate.On("a", checkedOut{}))
			},
			`Cart, 0 events of 0 aggregates given: other events than expected
event 2
  found    b: aggregatetest_test.checkedOut{}
  expected nothing
Then was called before; it expects all events in one call`,
		},
		{
			"refused",
			func(c *aggregatetest.GroupCase[cart]) {
				c.Given("a", pens(1), pens(2)).Given("a").Given("b", pens(1)).When(movePen("c", "a")).
					Then(aggregate.On("a", pens(1)))
			},
			`Cart, 3 events of 2 aggregates given: refused, expected events
  found    error c: no pens
  expected [a: aggregatetest_test.itemAdded{Name: "pen", Count: 1, ` + pen + `]`,
		},
		{
			"not refused",
			func(c *aggregatetest.GroupCase[cart]) {
				c.When(decidesAll(aggregate.On("a", checkedOut{}))).ThenError(errDone)
			},
			`Cart, 0 events of 0 aggregates given: not refused
  found    [a: aggregatetest_test.checkedOut{}]
  expected error cart is checked out`,
		},
		{
			"another state",
			func(c *aggregatetest.GroupCase[cart]) {
				c.When(decidesAll(aggregate.On("a", checkedOut{}))).ThenState("a", cart{}).ThenState("b", cart{})
			},
			`Cart, 0 events of 0 aggregates given: another state of a than expected
  Note: found    "done"
        expected ""`,
		},
		{
			"several partition keys are changed",
			func(c *aggregatetest.GroupCase[cart]) {
				c.PartitionKey(eventstore.BeforeSlash).
					When(decidesAll(aggregate.On("u/a", checkedOut{}), aggregate.On("v/a", checkedOut{}))).
					Then(aggregate.On("u/a", checkedOut{}), aggregate.On("v/a", checkedOut{}))
			},
			`Cart, 0 events of 0 aggregates given: a store refuses the aggregates of this decision: expectation 2: ` +
				`partition key: found "v" of Cart/v/a, expected "u" of Cart/u/a, ` +
				`as a commit has one partition key (before-slash)`,
		},
		{
			"several partition keys are looked at",
			func(c *aggregatetest.GroupCase[cart]) {
				c.PartitionKey(eventstore.WholeID).When(movePen("a", "b")).ThenError(errNoPens)
				c.PartitionKey(eventstore.WholeID).When(func(g *group) (changes, error) {
					g.State("a")
					g.Applied("b", "c-1")
					return nil, nil
				}).ThenNothing()
			},
			`Cart, 0 events of 0 aggregates given: a store refuses the aggregates of this decision: expectation 2: ` +
				`partition key: found "b" of Cart/b, expected "a" of Cart/a, ` +
				`as a commit has one partition key (whole-id; streams share one in a category with before-slash)`,
		},
		{
			"a case that is dropped",
			func(c *aggregatetest.GroupCase[cart]) {
				c.Given("a", pens(1))
				c.Given("b", checkedOut{}).When(decidesAll()).ThenNothing()
			},
			"Cart, 1 events of 1 aggregates given: the case was never used: Given returns another case, " +
				"and leaves the one that it is called on as it is",
		},
		{
			"a command that is dropped",
			func(c *aggregatetest.GroupCase[cart]) {
				c.Applied("c-1")
				c.When(decidesAll()).ThenNothing()
			},
			"Cart, 0 events of 0 aggregates given: the case was never used: Applied returns another case, " +
				"and leaves the one that it is called on as it is",
		},
		{
			"given an unnamed event",
			func(c *aggregatetest.GroupCase[cart]) { c.Given("a", unnamed{}); panic("not reached") },
			`Given: event aggregatetest_test.unnamed ("Unnamed") is not among the events of aggregate type "Cart": ` +
				`add it to aggregate.NewType, by value`,
		},
		{
			"expects an unnamed event",
			func(c *aggregatetest.GroupCase[cart]) {
				c.When(decidesAll()).Then(aggregate.On("a", unnamed{}))
				panic("not reached")
			},
			`Then: event aggregatetest_test.unnamed ("Unnamed") is not among the events of aggregate type "Cart": ` +
				`add it to aggregate.NewType, by value`,
		},
		{
			"decides an unnamed event",
			func(c *aggregatetest.GroupCase[cart]) {
				made := aggregate.On("a", unnamed{})
				c.When(decidesAll(made)).Then(made).ThenState("a", cart{})
			},
			`Cart, 0 events of 0 aggregates given: event aggregatetest_test.unnamed ("Unnamed") is not among ` +
				`the events of aggregate type "Cart": add it to aggregate.NewType, by value`,
		},
		{
			"no decision",
			func(c *aggregatetest.GroupCase[cart]) { c.When(nil); panic("not reached") },
			"When: the decision is nil; give a function such as a command's Decide",
		},
		{
			"never looked at",
			func(c *aggregatetest.GroupCase[cart]) { c.When(decidesAll()) },
			"Cart, 0 events of 0 aggregates given: the outcome was never looked at: " +
				"call Then, ThenNothing or ThenError",
		},
		{
			"events and error",
			func(c *aggregatetest.GroupCase[cart]) {
				c.When(func(*group) (changes, error) {
					return changes{aggregate.On("a", pens(1), pens(2))}, errDone
				}).ThenError(errDone)
			},
			"Cart, 0 events of 0 aggregates given: decide answers with 2 events and with the error cart is " +
				"checked out; expected either",
		},
		{
			"another aggregate the second time",
			func(c *aggregatetest.GroupCase[cart]) {
				n := 0
				c.When(func(*group) (changes, error) {
					n++
					return changes{aggregate.On(fmt.Sprint(n), checkedOut{})}, nil
				}).Then(aggregate.On("1", checkedOut{}))
			},
			`Cart, 0 events of 0 aggregates given: decide is not pure: called twice with the same state ` +
				`it answers differently
event 1
  first 1: aggregatetest_test.checkedOut{}
  then  2: aggregatetest_test.checkedOut{}`,
		},
		{
			"changes the states",
			func(c *aggregatetest.GroupCase[cart]) {
				c.Given("a", pens(1)).Given("b", pens(2)).Given("c", pens(3)).When(func(g *group) (changes, error) {
					g.State("c")
					delete(g.State("b").Items, "pen")
					delete(g.State("a").Items, "pen")
					return nil, nil
				}).ThenNothing()
			},
			`Cart, 3 events of 3 aggregates given: decide changes the state it is given; only Apply may do that
a
  Items["pen"]: after  nothing
                before 1
b
  Items["pen"]: after  nothing
                before 2`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			failures := record(t, func(tb testing.TB) { tt.test(aggregatetest.ForAll(tb, carts())) })
			require.Equal(t, []string{tt.want}, failures)
		})
	}
}

// The same id gives the same state, and a Group is for its decision alone.
func TestGroupOfCase(t *testing.T) {
	t.Parallel()
	var kept *group
	aggregatetest.ForAll(t, carts()).Given("a", pens(1)).When(func(g *group) (changes, error) {
		kept = g
		first := g.State("a")
		g.State("a").Items["pen"]++
		require.Equal(t, 2, first.Items["pen"], "it is the same")
		g.State("a").Items["pen"]--
		return nil, nil
	}).ThenNothing()
	for _, use := range []func(){func() { kept.State("a") }, func() { kept.Applied("a", "c") }} {
		require.PanicsWithValue(t,
			"aggregatetest: a Group was used after its decision had returned: only the decision may use it", use)
	}
}

func TestForAllMistakes(t *testing.T) {
	t.Parallel()
	failures := record(t, func(tb testing.TB) {
		aggregatetest.ForAll[cart](tb, nil)
		panic("not reached")
	})
	want := "ForAll: the aggregate type is nil; give the one that aggregate.NewType returned"
	require.Equal(t, []string{want}, failures)
}
