package aggregatetest_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/aggregatetest"
	"github.com/fencelog/fencelog/eventstore"
)

type account struct{ balance int64 }

type credited struct{ Amount int64 }

func (credited) EventType() string  { return "Credited" }
func (e credited) Apply(a *account) { a.balance += e.Amount }

type debited struct{ Amount int64 }

func (debited) EventType() string  { return "Debited" }
func (e debited) Apply(a *account) { a.balance -= e.Amount }

var errInsufficientFunds = errors.New("insufficient funds")

type debit struct{ Amount int64 }

func (d debit) Decide(a account) ([]aggregate.Event[account], error) {
	if a.balance < d.Amount {
		return nil, errInsufficientFunds
	}
	return []aggregate.Event[account]{debited(d)}, nil
}

func Example() {
	t := new(testing.T) // in a test, its parameter
	accounts := aggregate.NewType("Account", credited{}, debited{})

	rich := aggregatetest.For(t, accounts).Given(credited{Amount: 50})
	rich.When(debit{Amount: 20}.Decide).Then(debited{Amount: 20})
	rich.When(debit{Amount: 51}.Decide).ThenError(errInsufficientFunds)

	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// ThenState looks at the state that the given and the decided events make together.
func ExampleOutcome_ThenState() {
	t := new(testing.T) // in a test, its parameter
	accounts := aggregate.NewType("Account", credited{}, debited{})

	aggregatetest.For(t, accounts).
		Given(credited{Amount: 50}, debited{Amount: 10}).
		When(debit{Amount: 20}.Decide).
		ThenState(account{balance: 20})

	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// A command that finds its work done decides nothing.
func ExampleOutcome_ThenNothing() {
	t := new(testing.T) // in a test, its parameter
	accounts := aggregate.NewType("Account", credited{}, debited{})

	empty := func(a account) ([]aggregate.Event[account], error) {
		if a.balance == 0 {
			return nil, nil
		}
		return []aggregate.Event[account]{debited{Amount: a.balance}}, nil
	}
	rich := aggregatetest.For(t, accounts).Given(credited{Amount: 50})
	rich.When(empty).Then(debited{Amount: 50})
	rich.Given(debited{Amount: 50}).When(empty).ThenNothing()

	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// A test looks at a part of the outcome where the whole does not matter to it.
func ExampleOutcome_Events() {
	t := new(testing.T) // in a test, its parameter
	accounts := aggregate.NewType("Account", credited{}, debited{})

	rich := aggregatetest.For(t, accounts).Given(credited{Amount: 50})
	for _, e := range rich.When(debit{Amount: 20}.Decide).Events() {
		fmt.Println(e.EventType())
	}
	err := rich.When(debit{Amount: 51}.Decide).Err()
	fmt.Println(err)
	// Output:
	// Debited
	// insufficient funds
}

// The package that declares the events has this function as func TestEventsAreNamed(t *testing.T).
func ExampleCheckNamed() {
	accounts := aggregate.NewType("Account", credited{}, debited{})
	_ = func(t *testing.T) {
		aggregatetest.CheckNamed(t, accounts)
	}
}

type transfer struct {
	From, To string
	Amount   int64
}

func (t transfer) Decide(accounts *aggregate.Group[account]) ([]aggregate.Change[account], error) {
	if accounts.State(t.From).balance < t.Amount {
		return nil, errInsufficientFunds
	}
	return []aggregate.Change[account]{
		aggregate.On(t.From, debited{t.Amount}), aggregate.On(t.To, credited{t.Amount}),
	}, nil
}

// A decision over several aggregates has a case of several.
func ExampleForAll() {
	t := new(testing.T) // in a test, its parameter
	accounts := aggregate.NewType("Account", credited{}, debited{})

	rich := aggregatetest.ForAll(t, accounts).PartitionKey(eventstore.BeforeSlash).
		Given("acme/alice", credited{Amount: 50})
	rich.When(transfer{"acme/alice", "acme/bob", 20}.Decide).
		Then(aggregate.On("acme/alice", debited{20}), aggregate.On("acme/bob", credited{20})).
		ThenState("acme/alice", account{balance: 30})
	rich.When(transfer{"acme/bob", "acme/alice", 20}.Decide).ThenError(errInsufficientFunds)

	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// A decision may ask whether a command was applied.
func ExampleGroupCase_Applied() {
	t := new(testing.T) // in a test, its parameter
	accounts := aggregate.NewType("Account", credited{}, debited{})

	refund := func(accounts *aggregate.Group[account]) ([]aggregate.Change[account], error) {
		if !accounts.Applied("acme/alice", "purchase-1") {
			return nil, nil
		}
		return []aggregate.Change[account]{aggregate.On("acme/alice", credited{Amount: 7})}, nil
	}
	empty := aggregatetest.ForAll(t, accounts)
	empty.When(refund).ThenNothing()
	empty.Applied("purchase-1").When(refund).Then(aggregate.On("acme/alice", credited{Amount: 7}))

	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}
