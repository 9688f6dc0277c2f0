package account_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
)

// Everything is wrong at first, and the test corrects one thing after the other. The refusals come
// in the documented order.
func TestOrderOfRefusalsOfAPosting(t *testing.T) {
	t.Parallel()
	var a account.Account
	c := account.CreditAccount{AccountID: "a/", Contra: "a", Currency: "USD"}
	for _, step := range []struct {
		code  refusal.Code
		right func()
	}{
		{ids.ErrInvalid, func() { c.AccountID = "a" }},
		{ids.ErrInvalid, func() { c.TransactionID = "t-1" }},
		{account.ErrDuplicateEntry, func() { c.Contra = "bank" }},
		{account.ErrInvalidEntryType, func() { c.EntryType = account.EntryTopUp }},
		{money.ErrInvalidAmount, func() { c.Amount = "0" }},
		{money.ErrInvalidAmount, func() { c.Amount = "1.23" }},
		{account.ErrInvalidEffectiveTime, func() { c.EffectiveAt = noon() }},
		{account.ErrAccountNotFound, func() {
			a = account.Accounts.FromEvents("a", created(func(e *account.AccountCreated) {
				e.Exponent, e.Currency, e.MaxBalance = 1, "EUR", new(int64(500))
			}), credited("t-1", 100, 100)).State()
			a.Status = account.StatusSuspended
		}},
		{money.ErrMismatch, func() { a.Currency = "USD" }},
		{money.ErrPrecision, func() { a.Exponent, c.Amount = 2, usd(money.MaxMinor+1) }},
		{money.ErrOverflow, func() { c.Amount = usd(money.MaxMinor) }},
		{account.ErrAccountNotActive, func() { a.Status = account.StatusActive }},
		{money.ErrOverflow, func() { c.Amount = usd(401) }},
		{account.ErrMaxBalanceExceeded, func() { c.Amount = usd(400) }},
	} {
		_, err := c.Decide(a)
		require.ErrorIs(t, err, step.code)
		_, err = account.DebitAccount(c).Decide(a)
		if a.Status != account.StatusActive { // not of the balance
			require.ErrorIs(t, err, step.code)
		} else {
			require.ErrorIs(t, err, account.ErrInsufficientFunds)
		}
		step.right()
	}
	events, err := c.Decide(a)
	require.NoError(t, err)
	require.Len(t, events, 1)
}

func TestOrderOfRefusalsOfCreateAccount(t *testing.T) {
	t.Parallel()
	a := account.Accounts.FromEvents("a", created()).State()
	c := account.CreateAccount{AccountID: "transit:a", MaxBalance: new(usd(-1))}
	for _, step := range []struct {
		code  refusal.Code
		right func()
	}{
		{ids.ErrInvalid, func() { c.AccountID = "a" }},
		{ids.ErrInvalid, func() { c.OwnerID = "user-1" }},
		{account.ErrInvalidOwner, func() { c.OwnerType = account.OwnerUser }},
		{account.ErrInvalidAccountType, func() { c.AccountType = account.TypeUser }},
		{money.ErrInvalidCurrency, func() { c.Currency, c.MinBalance = "USD", new(money.Decimal("x")) }},
		{money.ErrInvalidAmount, func() { c.MinBalance = new(money.Decimal("0.001")) }},
		{money.ErrPrecision, func() { c.MinBalance = new(usd(1 << 53)) }},
		{money.ErrOverflow, func() { c.MinBalance = nil }},
		{account.ErrInvalidLimits, func() { c.MaxBalance = new(usd(1)) }},
		{account.ErrAccountAlreadyExists, func() { a = account.Account{} }},
	} {
		_, err := c.Decide(a)
		require.ErrorIs(t, err, step.code)
		step.right()
	}
	events, err := c.Decide(a)
	require.NoError(t, err)
	require.Len(t, events, 1)
}

// Clients rely on the codes, so they never change.
func TestCodesAreStable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code refusal.Code
		text string
	}{
		{&account.NotFoundError{AccountID: "a"}, "AccountNotFound", `account "a" does not exist: create it first`},
		{&account.AlreadyExistsError{AccountID: "a"}, "AccountAlreadyExists", `account "a" exists already`},
		{
			&account.NotActiveError{AccountID: "a", Status: "CLOSED"}, "AccountNotActive",
			`account "a" is CLOSED, expected ACTIVE`,
		},
		{
			&account.OwnerError{OwnerType: "CAT"}, "InvalidOwner",
			`owner type "CAT" is unknown, expected USER, ORGANIZATION or SYSTEM`,
		},
		{
			&account.TypeError{Type: "CAT"}, "InvalidAccountType",
			`account type "CAT" is unknown, expected USER, SYSTEM or EXTERNAL`,
		},
		{
			&account.LimitsError{Type: "USER", Currency: "USD", MinBalance: new(usd(5))}, "InvalidLimits",
			"minBalance 0.05 USD and maxBalance none, expected minBalance ≤ 0 ≤ maxBalance",
		},
		{
			&account.LimitsError{Type: "EXTERNAL", Currency: "USD", MaxBalance: new(usd(5))}, "InvalidLimits",
			"minBalance none and maxBalance 0.05 USD for an EXTERNAL account, expected neither: it has no limits",
		},
		{&ids.Error{Field: "contra", Found: "\xff", Want: "text"}, "InvalidId", `contra is "\xff", expected text`},
		{&ids.Error{Field: "contra", Want: "text"}, "InvalidId", `contra is empty, expected text`},
		{
			&ids.Error{Field: "contra", Found: string(make([]byte, 300)), Want: "less"}, "InvalidId",
			"contra has 300 bytes, expected less",
		},
		{
			&account.DuplicateEntryError{AccountID: "a"}, "DuplicateEntry",
			`account "a" is its own contra, expected another account`,
		},
		{
			&account.EntryTypeError{EntryType: "GIFT"}, "InvalidEntryType",
			`entry type "GIFT" is unknown, expected TOPUP, PAYMENT, TRANSFER, REFUND, REVERSAL or ADJUSTMENT`,
		},
		{
			&account.AmountError{Amount: "0.00", Currency: "USD"}, "InvalidAmount",
			"amount 0.00 USD, expected one above 0: a credit and a debit say the direction",
		},
		{
			&account.TimeError{}, "InvalidEffectiveTime",
			"effectiveAt is not given, or 0001-01-01T00:00:00Z, expected a time from 1970-01-01T00:00:00Z to " +
				"2255-06-05T23:47:34.740991Z: microseconds of later ones exceed 2^53-1",
		},
		{
			&account.TimeError{EffectiveAt: time.Unix(-1, 0)}, "InvalidEffectiveTime",
			"effectiveAt 1969-12-31T23:59:59Z, expected a time from 1970-01-01T00:00:00Z to " +
				"2255-06-05T23:47:34.740991Z: microseconds of later ones exceed 2^53-1",
		},
		{
			&account.MaxBalanceError{
				AccountID: "a", Currency: "USD", Exponent: 2, Amount: 3, Posted: 4, MaxBalance: 5,
			}, "MaxBalanceExceeded",
			`account "a" has 0.04 USD posted and takes at most 0.05: a credit of 0.03 is too much`,
		},
		{
			&account.InsufficientFundsError{AccountID: "a", Currency: "USD", Exponent: 2, Amount: 3, Available: 2},
			"InsufficientFunds", `account "a" has 0.02 USD available: a debit of 0.03 is too much`,
		},
	} {
		code, ok := refusal.Of(c.err)
		require.True(t, ok)
		require.Equal(t, c.code, code)
		require.ErrorIs(t, c.err, c.code)
		require.EqualError(t, c.err, c.text)
	}
}
