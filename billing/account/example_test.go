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

// buses returns buses that handle the commands and queries of accounts, over a store in memory.
func buses(ctx context.Context) (*command.Bus, *query.Bus, error) {
	store, err := memory.New(memory.Config{Categories: []string{account.Accounts.Name()}})
	if err != nil {
		return nil, nil, err
	}
	codec, err := registry.NewCodec(registry.NewMemory(), billing.Schemas(), schema.Config{Prefix: billing.TopicPrefix})
	if err != nil {
		return nil, nil, err
	}
	commands, queries := command.NewBus(command.Config{}), query.NewBus(query.Config{})
	_, err = account.Register(ctx, account.Config{Store: store, Codec: codec, Commands: commands, Queries: queries})
	return commands, queries, err
}

func pay(ctx context.Context) error {
	commands, queries, err := buses(ctx)
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

// The id of a posting's command is its transaction's, so nobody has to give it one.
func ExampleCreditAccount_CommandID() {
	if err := topUp(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// command topup-1, repeated: false
	// command topup-1, repeated: true
	// CommandReused
}

func topUp(ctx context.Context) error {
	commands, _, err := buses(ctx)
	if err != nil {
		return err
	}
	_, err = commands.Dispatch(ctx, account.CreateAccount{
		AccountID: "alice", OwnerID: "user-1", OwnerType: account.OwnerUser, AccountType: account.TypeUser,
		Currency: "USD",
	})
	if err != nil {
		return err
	}

	topUp := account.CreditAccount{
		AccountID: "alice", TransactionID: "topup-1", EntryType: account.EntryTopUp,
		Amount: "100.00", Currency: "USD", Contra: "bank",
	}
	for range 2 {
		done, err := commands.Dispatch(ctx, topUp)
		if err != nil {
			return err
		}
		fmt.Printf("command %s, repeated: %t\n", done.CommandID, done.Repeated)
	}
	topUp.Amount = "200.00"
	_, err = commands.Dispatch(ctx, topUp)
	code, refused := refusal.Of(err)
	if !refused {
		return err
	}
	fmt.Println(code)
	return nil
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
