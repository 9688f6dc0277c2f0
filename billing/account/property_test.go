package account_test

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
)

// movements draws postings, some of them beyond any limit.
func movements() *rapid.Generator[account.CreditAccount] {
	return rapid.Custom(func(t *rapid.T) account.CreditAccount {
		return account.CreditAccount{
			TransactionID: fmt.Sprintf("t-%d", rapid.IntRange(1, 30).Draw(t, "transaction")),
			EntryType: rapid.SampledFrom([]account.EntryType{
				account.EntryTopUp, account.EntryPayment,
			}).Draw(t, "type"),
			Amount: usd(rapid.OneOf(
				rapid.Int64Range(-1, 100),
				rapid.Int64Range(1, money.MaxMinor+10),
				rapid.Int64Range(money.MaxMinor-200, money.MaxMinor),
			).Draw(t, "amount")),
			Currency:    "USD",
			Contra:      "bank",
			EffectiveAt: noon().Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "time"))),
		}
	})
}

func creations() *rapid.Generator[account.CreateAccount] {
	return rapid.Custom(func(t *rapid.T) account.CreateAccount {
		c := account.CreateAccount{
			AccountID: "a", OwnerID: "user-1", OwnerType: account.OwnerUser, Currency: "USD",
			AccountType: rapid.SampledFrom([]account.Type{
				account.TypeUser, account.TypeSystem, account.TypeExternal,
			}).Draw(t, "type"),
		}
		if c.AccountType == account.TypeExternal {
			return c
		}
		bound := rapid.OneOf(rapid.Int64Range(0, 200), rapid.Int64Range(0, money.MaxMinor))
		if rapid.Bool().Draw(t, "has minimum") {
			c.MinBalance = new(usd(-bound.Draw(t, "minimum")))
		}
		if rapid.Bool().Draw(t, "has maximum") {
			c.MaxBalance = new(usd(bound.Draw(t, "maximum")))
		}
		return c
	})
}

// decided returns the one event of an accepted command, nil for a refusal.
func decided(t *rapid.T, live *history, c interface {
	Decide(a account.Account) ([]aggregate.Event[account.Account], error)
},
) aggregate.Event[account.Account] {
	events, err := c.Decide(live.state)
	if err != nil {
		_, ok := refusal.Of(err)
		require.True(t, ok, "only a rule refuses: %v", err)
		require.Empty(t, events)
		return nil
	}
	require.Len(t, events, 1)
	require.NoError(t, account.Accounts.Check(events...))
	live.events = append(live.events, events[0])
	events[0].Apply(&live.state)
	return events[0]
}

// history is an account's events, and the state that they have made one by one.
type history struct {
	events []aggregate.Event[account.Account]
	state  account.Account
}

func TestBalancesAfterEveryEvent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		creation := creations().Draw(t, "account")
		live := new(history)
		require.NotNil(t, decided(t, live, creation))

		posted := int64(0) // recomputed from the amounts alone
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			c := movements().Draw(t, "movement")
			var e aggregate.Event[account.Account]
			if rapid.Bool().Draw(t, "credit") {
				e = decided(t, live, c)
			} else {
				e = decided(t, live, account.DebitAccount(c))
			}
			var after int64
			var err error
			switch e := e.(type) {
			case nil:
				continue
			case account.AccountCredited:
				posted, err = money.Add(posted, e.Amount)
				after = e.BalanceAfter
			case account.AccountDebited:
				posted, err = money.Sub(posted, e.Amount)
				after = e.BalanceAfter
			}
			require.NoError(t, err)
			requireDouble(t, after)
			require.Equal(t, posted, after, "balanceAfter equals recomputation")
			require.Equal(t, posted, live.state.Posted)
			within(t, creation, posted)
		}
		replayed := account.Accounts.FromEvents("a", live.events...)
		require.Equal(t, live.state, replayed.State(), "replay equals live")
	})
}

// within expects the limits that the account was created with, and computes them once more.
func within(t *rapid.T, c account.CreateAccount, posted int64) {
	requireDouble(t, posted)
	if c.AccountType == account.TypeExternal {
		return
	}
	lowest, highest := int64(0), int64(money.MaxMinor)
	if c.MinBalance != nil {
		lowest = cents(t, *c.MinBalance)
	}
	if c.MaxBalance != nil {
		highest = cents(t, *c.MaxBalance)
	}
	require.LessOrEqual(t, lowest, posted)
	require.LessOrEqual(t, posted, highest)
	requireDouble(t, posted-lowest) // the available amount
}

// cents is the inverse of usd, over the whole numbers of 64 bits.
func cents(t *rapid.T, d money.Decimal) int64 {
	n, err := strconv.ParseInt(strings.Replace(string(d), ".", "", 1), 10, 64)
	require.NoError(t, err)
	return n
}

// requireDouble expects a whole number that a double holds exactly.
func requireDouble(t *rapid.T, n int64) {
	require.LessOrEqual(t, math.Abs(float64(n)), float64(1<<53-1))
	require.Equal(t, n, int64(float64(n)))
}

// Each refusal is right: if the command were accepted, a limit would be broken.
func TestRefusalsAreRight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		creation := creations().Draw(t, "account")
		live := new(history)
		require.NotNil(t, decided(t, live, creation))
		for i := range rapid.IntRange(1, 20).Draw(t, "commands") {
			c := movements().Draw(t, "movement")
			c.TransactionID = fmt.Sprintf("own-%d", i)
			a := live.state
			lowest, highest := a.Limits()

			_, err := account.DebitAccount(c).Decide(a)
			if errors.Is(err, account.ErrInsufficientFunds) {
				after, err := money.Sub(a.Posted, cents(t, c.Amount))
				require.True(t, err != nil || after < lowest.Minor, "a debit that fits was refused")
			}
			_, err = c.Decide(a)
			if errors.Is(err, account.ErrMaxBalanceExceeded) {
				require.Greater(t, a.Posted+cents(t, c.Amount), highest.Minor, "a credit that fits was refused")
			}
			decided(t, live, c)
		}
	})
}
