package account_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/query"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

func ExampleRegister() {
	if err := pay(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// posted 70.00, held 0.00, available 70.00 USD
	// InsufficientFunds: account "alice" has 70.00 USD available: a debit of 100.00 is too much
}

func pay(ctx context.Context) error {
	store, err := memory.New(memory.Config{Categories: []string{account.Accounts.Name()}})
	if err != nil {
		return err
	}
	codec, err := registry.NewCodec(registry.NewMemory(), billing.Schemas(), schema.Config{Prefix: billing.TopicPrefix})
	if err != nil {
		return err
	}
	commands, queries := command.NewBus(command.Config{}), query.NewBus(query.Config{})
	_, err = account.Register(ctx, account.Config{Store: store, Codec: codec, Commands: commands, Queries: queries})
	if err != nil {
		return err
	}

	for _, c := range []any{
		account.CreateAccount{
			AccountID: "alice", OwnerID: "user-1", OwnerType: account.OwnerUser, AccountType: account.TypeUser,
			Currency: "USD",
		},
		account.CreditAccount{
			AccountID: "alice", TransactionID: "topup-1", EntryType: account.EntryTopUp,
			Amount: "100.00", Currency: "USD", Contra: "bank",
		},
		account.DebitAccount{
			AccountID: "alice", TransactionID: "payment-1", EntryType: account.EntryPayment,
			Amount: "30.00", Currency: "USD", Contra: "bob",
		},
	} {
		if _, err := commands.Dispatch(ctx, c); err != nil {
			return err
		}
	}
	balance, err := query.Ask(ctx, queries, account.GetBalance{AccountID: "alice"})
	if err != nil {
		return err
	}
	fmt.Println(balance)

	_, err = commands.Dispatch(ctx, account.DebitAccount{
		AccountID: "alice", TransactionID: "payment-2", EntryType: account.EntryPayment,
		Amount: "100.00", Currency: "USD", Contra: "bob",
	})
	if code, refused := refusal.Of(err); refused {
		fmt.Printf("%s: %v\n", code, err)
		return nil
	}
	return err
}

// A rule is a pure function: it needs no store to be tried.
func ExampleDebitAccount_Decide() {
	alice := account.Accounts.FromEvents("alice",
		account.AccountCreated{AccountType: account.TypeUser, Currency: "USD", Exponent: 2},
		account.AccountCredited{TransactionID: "topup-1", Amount: 50_00},
	)
	_, err := account.DebitAccount{
		AccountID: "alice", TransactionID: "payment-1", EntryType: account.EntryPayment,
		Amount: "80.00", Currency: "USD", Contra: "bob", EffectiveAt: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	}.Decide(alice.State())

	var insufficient *account.InsufficientFundsError
	if errors.As(err, &insufficient) {
		fmt.Println("available:", money.Format(insufficient.Available, insufficient.Exponent))
	}
	// Output: available: 50.00
}
