package account_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/aggregatetest"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/query"
)

// counting makes an account count as it did when it was opened, whatever the table of currencies
// says today.
func counting(c money.Currency, exponent int32) func(*account.AccountCreated) {
	return func(e *account.AccountCreated) { e.Currency, e.Exponent = c, exponent }
}

// opened stores that an account was opened once, without asking the table of currencies of today.
func (f *fixture) opened(t *testing.T, id string, change ...func(*account.AccountCreated)) {
	t.Helper()
	open := func(account.Account) ([]aggregate.Event[account.Account], error) {
		return []aggregate.Event[account.Account]{created(change...)}, nil
	}
	require.NoError(t, errOf(f.Repository.Update(t.Context(), id, open)))
}

// An account goes on counting as it was opened, also if its currency was withdrawn since or has
// other digits.
func TestAccountCountsAsItWasOpened(t *testing.T) {
	t.Parallel()
	_, err := money.Currency("HRK").Exponent()
	require.ErrorIs(t, err, money.ErrInvalidCurrency, "withdrawn in 2023")
	for _, c := range []struct {
		name     string
		currency money.Currency
		exponent int32
		amount   money.Decimal
		minor    int64
		code     refusal.Code
	}{
		{"as listed", "USD", 2, "1.25", 125, ""},
		{"withdrawn", "HRK", 2, "1.25", 125, ""},
		{"never listed", "XYZ", 3, "1.25", 1250, ""},
		{"more digits than listed", "USD", 3, "0.125", 125, ""},
		{"fewer digits than listed", "USD", 1, "12.5", 125, ""},
		{"no digits, unlike the list", "USD", 0, "125", 125, ""},
		{"a digit that it has not", "USD", 1, "1.25", 0, money.ErrPrecision},
		{"a digit that it has not, withdrawn", "HRK", 2, "0.125", 0, money.ErrPrecision},
		{"too much in its own digits", "USD", 18, "1", 0, money.ErrOverflow},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			is := counting(c.currency, c.exponent)
			given := aggregatetest.For(t, account.Accounts).Given(created(is, atLeast(-10_000)))
			credit, debit := credit("t", c.amount, in(c.currency)), debit("t", c.amount, in(c.currency))
			if c.code != "" {
				given.When(credit.Decide).ThenError(c.code)
				given.When(debit.Decide).ThenError(c.code)
				return
			}
			up, down := credited("t", c.minor, c.minor), debited("t", c.minor, -c.minor)
			up.Currency, up.Exponent = c.currency, c.exponent
			down.Currency, down.Exponent = c.currency, c.exponent
			given.When(credit.Decide).Then(up)
			given.When(debit.Decide).Then(down)
		})
	}
}

// No money is locked in, and every answer about it has the account's digits.
func TestWithdrawnCurrencyFromEndToEnd(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	f.opened(t, "a", counting("HRK", 3), atMost(10_000), atLeast(-500))
	send := func(command any) error {
		_, err := f.commands.Dispatch(t.Context(), command)
		return err
	}

	require.NoError(t, send(credit("t-1", "9.125", in("HRK"))))
	require.NoError(t, send(debit("t-2", "9.625", in("HRK"))))
	require.EqualError(t, send(debit("t-3", "0.001", in("HRK"))),
		`account "a" has 0.000 HRK available: a debit of 0.001 is too much`)
	require.EqualError(t, send(credit("t-4", "10.501", in("HRK"))),
		`account "a" has -0.500 HRK posted and takes at most 10.000: a credit of 10.501 is too much`)
	require.ErrorIs(t, send(credit("t-1", "9", in("HRK"))), eventstore.ErrCommandReused)
	require.EqualError(t, send(credit("t-5", "1", in("USD"))),
		`account "a": the amount is in USD, expected HRK: there is no conversion`)
	require.NoError(t, send(credit("t-1", "09.125", in("HRK"))), "a repetition")

	balance, err := query.Ask(t.Context(), f.queries, account.GetBalance{AccountID: "a"})
	require.NoError(t, err)
	require.Equal(t, "posted -0.500, held 0.000, available 0.000 HRK", balance.String())
	details, err := query.Ask(t.Context(), f.queries, account.GetAccount{AccountID: "a"})
	require.NoError(t, err)
	require.Equal(t, money.Currency("HRK"), details.Currency)
	require.Equal(t, 3, details.Exponent)
	require.Equal(t, int64(10_000), *details.MaxBalance)

	require.ErrorIs(t, send(account.CreateAccount{
		AccountID: "b", OwnerID: "o", OwnerType: account.OwnerUser, AccountType: account.TypeUser, Currency: "HRK",
	}), money.ErrInvalidCurrency, "only opening asks the table")
}

// A command that is sent again is the same command, however its amount is written.
func TestAmountsThatDifferInZerosAreOneCommand(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	f.create(t, "a")
	for _, amount := range []money.Decimal{"12.5", "12.50", "012.50"} {
		require.NoError(t, errOf(f.commands.Dispatch(t.Context(), credit("t", amount))))
	}
	require.Equal(t, []string{"AccountCreated", "AccountCredited"}, eventTypes(t, f, "a"))
}

func eventTypes(t *testing.T, f *fixture, id string) []string {
	t.Helper()
	var types []string
	for e, err := range f.Repository.History(t.Context(), id, 1) {
		require.NoError(t, err)
		types = append(types, e.Type)
	}
	return types
}
