package aggregate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// newAccounts returns a repository of accounts over an empty store in memory.
func newAccounts(ctx context.Context) (*aggregate.Repository[Account], error) {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		return nil, err
	}
	return aggregate.NewRepository(ctx,
		aggregate.NewType("Account", AccountOpened{}, AccountCredited{}), store, jsoncodec.Codec{}, aggregate.Config{})
}

func ExampleNewType() {
	accounts := aggregate.NewType("Account", AccountOpened{}, AccountCredited{})
	for _, e := range accounts.Events() {
		fmt.Println(e.Category, e.Name, e.Go)
	}
	fmt.Println(accounts.Err())

	fmt.Println(aggregate.NewType("My accounts", &AccountOpened{}).Err())
	// Output:
	// Account AccountCredited aggregate_test.AccountCredited
	// Account AccountOpened aggregate_test.AccountOpened
	// <nil>
	// aggregate type "My accounts": category: found "My accounts", expected a letter, then letters, digits, '-' or '_', at most 100
	// event *aggregate_test.AccountOpened is a ptr; an event is a struct, passed by value
}

// A service that starts gets all mistakes at once.
func ExampleNewRepository() {
	ctx := context.Background()
	_, err := aggregate.NewRepository(ctx,
		aggregate.NewType("Account", AccountOpened{}, AccountCredited{}), nil, nil, aggregate.Config{})
	fmt.Println(err)
	// Output:
	// repository of "Account": the store is nil; give an eventstore.Store
	// the codec is nil; give a Codec
}

// Update tells what it did. A refusal comes back as it is.
func ExampleRepository_Update() {
	ctx := context.Background()
	accounts, err := newAccounts(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = accounts.Update(ctx, "a-1", CreditAccount{AccountID: "a-1", Amount: 50}.Decide)
	fmt.Println("refused:", err)

	_, err = accounts.Update(ctx, "a-1", OpenAccount{AccountID: "a-1", OwnerID: "ada"}.Decide)
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := accounts.Update(ctx, "a-1", func(a Account) ([]aggregate.Event[Account], error) {
		return []aggregate.Event[Account]{AccountCredited{Amount: 50}, AccountCredited{Amount: 7}}, nil
	})
	fmt.Println("versions", done.First(), "to", done.Last(), err)
	for _, e := range done.Events {
		fmt.Println(e.AggregateVersion, e.Type, e.Events)
	}

	done, err = accounts.Update(ctx, "a-1", func(Account) ([]aggregate.Event[Account], error) { return nil, nil })
	fmt.Println("nothing to do:", len(done.Events), err)
	// Output:
	// refused: account not found
	// versions 2 to 3 <nil>
	// 2 AccountCredited [{50}]
	// 3 AccountCredited [{7}]
	// nothing to do: 0 <nil>
}

// A query that asks a decision need not wait for the brokers.
func ExampleUnconfirmed() {
	ctx := context.Background()
	accounts, err := newAccounts(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = accounts.Update(ctx, "a-1", CreditAccount{AccountID: "a-1", Amount: 50}.Decide, aggregate.Unconfirmed())
	fmt.Println(err)
	// Output: account not found
}

// Load, Apply and Save are for code that does not decide in a function. It looks after conflicts
// itself.
func ExampleRepository_Save() {
	ctx := context.Background()
	accounts, err := newAccounts(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	account, err := accounts.Load(ctx, "a-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	stale, err := accounts.Load(ctx, "a-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = errors.Join(account.Apply(AccountOpened{OwnerID: "ada"}), stale.Apply(AccountOpened{OwnerID: "bob"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := accounts.Save(ctx, account)
	fmt.Println("at version", done.Last(), err)
	_, err = accounts.Save(ctx, stale)
	fmt.Println(errors.Is(err, eventstore.ErrConflict), err)
	// Output:
	// at version 1 <nil>
	// true save Account/a-1: stream Account/a-1 is at version 1, expected 0: load it again and decide anew
}

// A projection keeps a cursor beside its data, and reads on behind it.
func ExampleRepository_Events() {
	ctx := context.Background()
	accounts, err := newAccounts(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	total, cursor := int64(0), make(eventstore.Cursor)
	project := func() {
		for stored, err := range accounts.Events(ctx, eventstore.After(cursor)) {
			if err != nil {
				fmt.Println(err)
				return
			}
			for _, e := range stored.Events {
				if e, ok := e.(AccountCredited); ok {
					total += e.Amount
				}
			}
			cursor.Advance(stored.Position)
		}
		fmt.Println("total", total)
	}
	for _, id := range []string{"a-1", "a-2"} {
		_, err := accounts.Update(ctx, id, func(Account) ([]aggregate.Event[Account], error) {
			return []aggregate.Event[Account]{AccountOpened{OwnerID: "ada"}, AccountCredited{Amount: 50}}, nil
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		project()
	}
	// Output:
	// total 50
	// total 100
}

// A reader that follows gets what is there, and then what is appended.
func ExampleRepository_Follow() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	accounts, err := newAccounts(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	open := func(id string) {
		if _, err := accounts.Update(ctx, id, OpenAccount{AccountID: id, OwnerID: "ada"}.Decide); err != nil {
			fmt.Println(err)
		}
	}
	open("a-1")
	for stored, err := range accounts.Follow(ctx, eventstore.Beginning()) { // waits when it has caught up
		if err != nil {
			fmt.Println(err) // context canceled, here
			return
		}
		fmt.Println(stored.AggregateID, stored.Type)
		if stored.AggregateID == "a-1" {
			open("a-2")
		} else {
			cancel()
		}
	}
	// Output:
	// a-1 AccountOpened
	// a-2 AccountOpened
	// follow Account: context canceled
}

// A store's subscription hands records to a function such as the one that Handler returns.
func ExampleRepository_Handler() {
	ctx := context.Background()
	accounts, err := newAccounts(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	handle := accounts.Handler(func(_ context.Context, e event.Stored[aggregate.Event[Account]]) error {
		fmt.Println(e.AggregateID, e.Type, e.Events)
		return nil
	})
	err = handle(ctx, eventstore.Record{
		Header: event.Header{Category: "Account", AggregateID: "a-1", Type: "AccountCredited", Revision: 1},
		Value:  []byte(`{"Amount":50}`),
	})
	fmt.Println(err)
	err = handle(ctx, eventstore.Record{
		Header: event.Header{Category: "Account", AggregateID: "a-1", Type: "AccountSold", Revision: 1},
		Value:  []byte(`{}`),
	})
	fmt.Println(errors.Is(err, eventstore.ErrUnknownEvent))
	// Output:
	// a-1 AccountCredited [{50}]
	// <nil>
	// true
}

// A Root is an aggregate without a store.
func ExampleRoot_Apply() {
	account := aggregate.NewType("Account", AccountOpened{}, AccountCredited{}).
		FromEvents("a-1", AccountOpened{OwnerID: "ada"})
	if err := account.Apply(AccountCredited{Amount: 50}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(account.State().Balance, "at version", account.Version())
	fmt.Println("not stored:", account.Uncommitted())
	// Output:
	// 50 at version 2
	// not stored: [{50}]
}
