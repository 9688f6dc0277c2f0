package account_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// A report has another view than the one that Register makes.
func ExampleNewView() {
	ctx := context.Background()
	store, err := memory.New(memory.Config{Categories: []string{account.Accounts.Name()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	accounts, err := aggregate.NewRepository(ctx, account.Accounts, store, jsoncodec.Codec{}, aggregate.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	view := account.NewView(accounts)
	for _, id := range []string{"bob", "alice"} {
		_, err := accounts.Update(ctx, id, account.CreateAccount{
			AccountID: id, OwnerID: "user-1", OwnerType: account.OwnerUser, AccountType: account.TypeUser,
			Currency: "USD",
		}.Decide)
		if err != nil {
			fmt.Println(err)
			return
		}
	}

	balances, err := view.Balances(ctx)
	fmt.Println(len(balances), "accounts", err)
	page, more, err := view.Accounts(ctx, "", 1) // the next page begins after "alice"
	fmt.Println(page[0].AccountID, "of", page[0].OwnerID, more, err)
	balance, err := view.Balance(ctx, "alice")
	fmt.Println(balance, err)
	_, err = view.Account(ctx, "carol")
	fmt.Println(errors.Is(err, account.ErrAccountNotFound))
	fmt.Println("from the first event on again:", view.Rebuild(ctx))
	// Output:
	// 2 accounts <nil>
	// alice of user-1 true <nil>
	// posted 0.00, held 0.00, available 0.00 USD <nil>
	// true
	// from the first event on again: <nil>
}

// The events make the state. A postpaid account may go below 0, down to its credit limit. One that
// stands for the world outside has no limits.
func ExampleAccount_Limits() {
	credit := int64(-100_00)
	alice := account.Accounts.FromEvents("alice", account.AccountCreated{
		AccountType: account.TypeUser, Currency: "USD", Exponent: 2, MinBalance: &credit,
	}).State()
	lowest, highest := alice.Limits()
	fmt.Println(money.Format(lowest.Minor, alice.Exponent), highest.Set)

	bank := account.Accounts.FromEvents("bank", account.AccountCreated{
		AccountType: account.TypeExternal, Currency: "USD", Exponent: 2,
	}).State()
	lowest, highest = bank.Limits()
	fmt.Println(lowest.Set, highest.Set)

	nobody := account.Accounts.New("nobody").State()
	fmt.Println(bank.Exists(), nobody.Exists())
	// Output:
	// -100.00 false
	// false false
	// true false
}
