package aggregate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// Account is the state.
type Account struct {
	Open    bool
	Balance int64
}

// AccountOpened and AccountCredited are its events.
type AccountOpened struct{ OwnerID string }

func (AccountOpened) EventType() string { return "AccountOpened" }
func (AccountOpened) Apply(a *Account)  { a.Open = true }

type AccountCredited struct{ Amount int64 }

func (AccountCredited) EventType() string  { return "AccountCredited" }
func (e AccountCredited) Apply(a *Account) { a.Balance += e.Amount }

// OpenAccount and CreditAccount are commands; each decides from the state.
type OpenAccount struct{ AccountID, OwnerID string }

func (c OpenAccount) Decide(a Account) ([]aggregate.Event[Account], error) {
	if a.Open {
		return nil, errors.New("account is open already")
	}
	return []aggregate.Event[Account]{AccountOpened{OwnerID: c.OwnerID}}, nil
}

type CreditAccount struct {
	AccountID string
	Amount    int64
}

func (c CreditAccount) Decide(a Account) ([]aggregate.Event[Account], error) {
	if !a.Open {
		return nil, errors.New("account not found")
	}
	return []aggregate.Event[Account]{AccountCredited{Amount: c.Amount}}, nil
}

func Example() {
	if err := run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// account not found
	// at version 2 repeated: false
	// at version 2 repeated: true
	// 1 AccountOpened by user-1
	// 2 AccountCredited by user-1
	// balance 50 at version 2
}

func run(ctx context.Context) error {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		return err
	}
	defer store.Close()
	// Package schema has a Codec for Avro.
	accounts, err := aggregate.NewRepository(ctx,
		aggregate.NewType("Account", AccountOpened{}, AccountCredited{}), store, jsoncodec.Codec{}, aggregate.Config{})
	if err != nil {
		return err
	}

	bus := command.NewBus(command.Config{})
	err = errors.Join(
		command.Register(bus, aggregate.Handle(accounts, func(c OpenAccount) string { return c.AccountID })),
		command.Register(bus, aggregate.Handle(accounts, func(c CreditAccount) string { return c.AccountID })))
	if err != nil {
		return err
	}

	_, err = bus.Dispatch(ctx, CreditAccount{AccountID: "a-1", Amount: 50})
	fmt.Println(err)
	_, err = bus.Dispatch(ctx, OpenAccount{AccountID: "a-1", OwnerID: "ada"}, command.WithActor("user-1"))
	if err != nil {
		return err
	}
	for range 2 { // a command that is dispatched again is applied once
		done, err := bus.Dispatch(ctx, CreditAccount{AccountID: "a-1", Amount: 50},
			command.WithActor("user-1"), command.WithID("credit-1"))
		if err != nil {
			return err
		}
		fmt.Println("at version", done.Last(), "repeated:", done.Repeated)
	}

	for e, err := range accounts.History(ctx, "a-1", 1) {
		if err != nil {
			return err
		}
		fmt.Println(e.AggregateVersion, e.Type, "by", e.ActorID)
	}
	account, err := accounts.Load(ctx, "a-1")
	if err != nil {
		return err
	}
	fmt.Println("balance", account.State().Balance, "at version", account.Version())
	return nil
}
