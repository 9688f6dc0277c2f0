package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/aggregatetest"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
)

// noon is the effective time in these tests.
func noon() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }

// usd is an amount in dollars, given in cents, as a command has it.
func usd(cents int64) money.Decimal { return money.Decimal(money.Format(cents, 2)) }

// created is the event of a prepaid account in dollars, changed as given.
func created(change ...func(*account.AccountCreated)) account.AccountCreated {
	e := account.AccountCreated{
		OwnerID: "user-1", OwnerType: account.OwnerUser, AccountType: account.TypeUser, Currency: "USD", Exponent: 2,
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

func atMost(minor int64) func(*account.AccountCreated) {
	return func(e *account.AccountCreated) { e.MaxBalance = &minor }
}

func atLeast(minor int64) func(*account.AccountCreated) {
	return func(e *account.AccountCreated) { e.MinBalance = &minor }
}

func external(e *account.AccountCreated) { e.AccountType = account.TypeExternal }

func credited(id string, amount, after int64) account.AccountCredited {
	return account.AccountCredited{
		TransactionID: id, EntryType: account.EntryTopUp, Currency: "USD", Exponent: 2, Amount: amount, Contra: "bank",
		BalanceAfter: after, EffectiveAt: noon(),
	}
}

func debited(id string, amount, after int64) account.AccountDebited {
	return account.AccountDebited(credited(id, amount, after))
}

// credit is the command that makes the event credited, changed as given.
func credit(id string, amount money.Decimal, change ...func(*account.CreditAccount)) account.CreditAccount {
	c := account.CreditAccount{
		AccountID: "a", TransactionID: id, EntryType: account.EntryTopUp, Amount: amount, Currency: "USD",
		Contra: "bank", EffectiveAt: noon(),
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func in(c money.Currency) func(*account.CreditAccount) {
	return func(m *account.CreditAccount) { m.Currency = c }
}

func debit(id string, amount money.Decimal, change ...func(*account.CreditAccount)) account.DebitAccount {
	return account.DebitAccount(credit(id, amount, change...))
}

func TestEveryEventIsNamed(t *testing.T) {
	t.Parallel()
	aggregatetest.CheckNamed(t, account.Accounts)
}

func TestCreateAccount(t *testing.T) {
	t.Parallel()
	good := account.CreateAccount{
		AccountID: "a", OwnerID: "user-1", OwnerType: account.OwnerUser, AccountType: account.TypeUser, Currency: "USD",
	}
	type command = account.CreateAccount
	for _, c := range []struct {
		name   string
		change func(*command)
		code   refusal.Code // or
		want   account.AccountCreated
	}{
		{"prepaid, without limits", func(*command) {}, "", created()},
		{
			"with both limits", func(c *command) { c.MinBalance, c.MaxBalance = new(usd(-5000)), new(usd(9000)) }, "",
			created(atLeast(-5000), atMost(9000)),
		},
		{
			"with the widest limits", func(c *command) {
				c.MinBalance, c.MaxBalance = new(usd(-money.MaxMinor)), new(usd(money.MaxMinor))
			}, "",
			created(atLeast(-1<<53+1), atMost(1<<53-1)),
		},
		{
			"with limits of 0", func(c *command) { c.MinBalance, c.MaxBalance = new(usd(0)), new(usd(0)) }, "",
			created(atLeast(0), atMost(0)),
		},
		{"external", func(c *command) { c.AccountType = account.TypeExternal }, "", created(external)},
		{"of a system in yen", func(c *command) {
			c.OwnerType, c.AccountType, c.Currency = account.OwnerSystem, account.TypeSystem, "JPY"
		}, "", created(func(e *account.AccountCreated) {
			e.OwnerType, e.AccountType, e.Currency, e.Exponent = account.OwnerSystem, account.TypeSystem, "JPY", 0
		})},

		{"no owner", func(c *command) { c.OwnerID = "" }, ids.ErrInvalid, created()},
		{"an endless owner", func(c *command) { c.OwnerID = strings.Repeat("x", 129) }, ids.ErrInvalid, created()},
		{"an owner that is no text", func(c *command) { c.OwnerID = "\xff" }, ids.ErrInvalid, created()},
		{
			"unknown owner type", func(c *command) { c.OwnerType = account.OwnerUnknown }, account.ErrInvalidOwner,
			created(),
		},
		{"no owner type", func(c *command) { c.OwnerType = "" }, account.ErrInvalidOwner, created()},
		{
			"unknown account type", func(c *command) { c.AccountType = account.TypeUnknown },
			account.ErrInvalidAccountType, created(),
		},
		{"no account type", func(c *command) { c.AccountType = "" }, account.ErrInvalidAccountType, created()},
		{"currency in lower case", func(c *command) { c.Currency = "usd" }, money.ErrInvalidCurrency, created()},
		{"no currency", func(c *command) { c.Currency = "" }, money.ErrInvalidCurrency, created()},
		{"withdrawn currency", func(c *command) { c.Currency = "HRK" }, money.ErrInvalidCurrency, created()},
		{
			"maximum that is no number", func(c *command) { c.MaxBalance = new(money.Decimal("much")) },
			money.ErrInvalidAmount, created(),
		},
		{
			"minimum that is empty", func(c *command) { c.MinBalance = new(money.Decimal("")) },
			money.ErrInvalidAmount, created(),
		},
		{
			"maximum with a digit too many", func(c *command) { c.MaxBalance = new(money.Decimal("1.001")) },
			money.ErrPrecision, created(),
		},
		{
			"maximum above all amounts", func(c *command) { c.MaxBalance = new(usd(money.MaxMinor + 1)) },
			money.ErrOverflow, created(),
		},
		{
			"minimum below all amounts", func(c *command) { c.MinBalance = new(usd(-money.MaxMinor - 1)) },
			money.ErrOverflow, created(),
		},
		{"minimum above 0", func(c *command) { c.MinBalance = new(usd(1)) }, account.ErrInvalidLimits, created()},
		{"maximum below 0", func(c *command) { c.MaxBalance = new(usd(-1)) }, account.ErrInvalidLimits, created()},
		{"external with a maximum", func(c *command) {
			c.AccountType, c.MaxBalance = account.TypeExternal, new(usd(1))
		}, account.ErrInvalidLimits, created()},
		{"external with a minimum", func(c *command) {
			c.AccountType, c.MinBalance = account.TypeExternal, new(usd(0))
		}, account.ErrInvalidLimits, created()},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := good
			c.change(&cmd)
			outcome := aggregatetest.For(t, account.Accounts).When(cmd.Decide)
			if c.code != "" {
				outcome.ThenError(c.code)
				return
			}
			outcome.Then(c.want)
			aggregatetest.For(t, account.Accounts).Given(c.want).When(cmd.Decide).
				ThenError(account.ErrAccountAlreadyExists)
		})
	}
}

func TestPosting(t *testing.T) {
	t.Parallel()
	const most = 1<<53 - 1
	type events = []aggregate.Event[account.Account]
	type command interface {
		Decide(a account.Account) ([]aggregate.Event[account.Account], error)
	}
	plain := events{created(), credited("t-1", 1000, 1000)}
	for _, c := range []struct {
		name  string
		given events
		when  command
		code  refusal.Code // or
		then  events
	}{
		{"credit", plain, credit("t-2", usd(5)), "", events{credited("t-2", 5, 1005)}},
		{"debit", plain, debit("t-2", usd(5)), "", events{debited("t-2", 5, 995)}},
		{"debit of all there is", plain, debit("t-2", usd(1000)), "", events{debited("t-2", 1000, 0)}},
		{"debit of more", plain, debit("t-2", usd(1001)), account.ErrInsufficientFunds, nil},
		{
			"debit down to a credit limit",
			events{created(atLeast(-500))},
			debit("t", usd(500)), "",
			events{debited("t", 500, -500)},
		},
		{
			"debit beyond a credit limit",
			events{created(atLeast(-500))},
			debit("t", usd(501)),
			account.ErrInsufficientFunds, nil,
		},
		{
			"credit up to the limit",
			events{created(atMost(500))},
			credit("t", usd(500)), "",
			events{credited("t", 500, 500)},
		},
		{
			"credit beyond the limit",
			events{created(atMost(500))},
			credit("t", usd(501)),
			account.ErrMaxBalanceExceeded, nil,
		},
		{
			"debit of an external account",
			events{created(external)},
			debit("t", usd(most)), "",
			events{debited("t", most, -most)},
		},
		{
			"credit of all that a double holds",
			events{created()},
			credit("t", usd(most)), "",
			events{credited("t", most, most)},
		},
		{"credit of one more", events{created()}, credit("t", usd(most+1)), money.ErrOverflow, nil},
		{
			"credit of more than 64 bits hold",
			events{created()},
			credit("t", "92233720368547758.08"),
			money.ErrOverflow, nil,
		},
		{"credit up to more", plain, credit("t", usd(most-999)), money.ErrOverflow, nil},
		{
			"credit up to all that a double holds", plain, credit("t", usd(most-1000)), "",
			events{credited("t", most-1000, most)},
		},
		{
			"credit of more than can be counted as available",
			events{created(atLeast(-1))},
			credit("t", usd(most)),
			money.ErrOverflow, nil,
		},
		{
			"debit of more, external",
			events{created(external), debited("t", most, -most)},
			debit("u", usd(2)),
			money.ErrOverflow, nil,
		},
		{
			"credit of more, external",
			events{created(external), credited("t", most, most)},
			credit("u", usd(1)),
			money.ErrOverflow, nil,
		},

		{"no account", nil, credit("t", usd(1)), account.ErrAccountNotFound, nil},
		{"other currency", plain, credit("t", "1", in("EUR")), money.ErrMismatch, nil},
		{"unknown currency", plain, debit("t", "1", in("XYZ")), money.ErrMismatch, nil},
		{"no currency", plain, debit("t", "1", in("")), money.ErrMismatch, nil},
		{"no amount", plain, credit("t", ""), money.ErrInvalidAmount, nil},
		{"an amount that is no number", plain, debit("t", "1e3"), money.ErrInvalidAmount, nil},
		{"a digit too many", plain, debit("t", "1.001"), money.ErrPrecision, nil},
		{"amount of 0", plain, credit("t", "-0.00"), money.ErrInvalidAmount, nil},
		{"amount below 0", plain, debit("t", usd(-1)), money.ErrInvalidAmount, nil},
		{"no transaction", plain, credit("", usd(1)), ids.ErrInvalid, nil},
		{"an endless transaction", plain, credit(strings.Repeat("x", 129), usd(1)), ids.ErrInvalid, nil},
		{
			"the longest transaction", plain, credit(strings.Repeat("x", 128), usd(1)), "",
			events{credited(strings.Repeat("x", 128), 1, 1001)},
		},
		{
			"no contra", plain, credit("t", usd(1), func(c *account.CreditAccount) { c.Contra = "" }), ids.ErrInvalid,
			nil,
		},
		{
			"itself as contra", plain, credit("t", usd(1), func(c *account.CreditAccount) { c.Contra = "a" }),
			account.ErrDuplicateEntry, nil,
		},
		{"unknown entry type", plain, credit("t", usd(1), func(c *account.CreditAccount) {
			c.EntryType = account.EntryUnknown
		}), account.ErrInvalidEntryType, nil},
		{
			"no time", plain, credit("t", usd(1), func(c *account.CreditAccount) { c.EffectiveAt = time.Time{} }),
			account.ErrInvalidEffectiveTime, nil,
		},
		{"before 1970", plain, debit("t", usd(1), func(c *account.CreditAccount) {
			c.EffectiveAt = time.Unix(-1, 0)
		}), account.ErrInvalidEffectiveTime, nil},
		{"after the last microsecond that a double holds", plain, debit("t", usd(1), func(c *account.CreditAccount) {
			c.EffectiveAt = time.UnixMicro(1 << 53)
		}), account.ErrInvalidEffectiveTime, nil},
		{"far in the future", plain, debit("t", usd(1), func(c *account.CreditAccount) {
			c.EffectiveAt = time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)
		}), account.ErrInvalidEffectiveTime, nil},
		{"a time in another zone, to the nanosecond", plain, credit("t", usd(1), func(c *account.CreditAccount) {
			c.EffectiveAt = noon().Add(999).In(time.FixedZone("", 3600))
		}), "", events{credited("t", 1, 1001)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			outcome := aggregatetest.For(t, account.Accounts).Given(c.given...).When(c.when.Decide)
			if c.code != "" {
				outcome.ThenError(c.code)
				return
			}
			outcome.Then(c.then...)
		})
	}
}

// No event makes these states yet; the rules know them already.
func TestAccountThatIsNotActive(t *testing.T) {
	t.Parallel()
	for _, status := range []account.Status{account.StatusSuspended, account.StatusClosed} {
		a := account.Accounts.FromEvents("a", created(), credited("t-1", 10, 10)).State()
		a.Status = status
		_, err := debit("t-2", usd(1)).Decide(a)
		var inactive *account.NotActiveError
		require.ErrorAs(t, err, &inactive)
		require.Equal(t, account.NotActiveError{AccountID: "a", Status: status}, *inactive)
		require.ErrorIs(t, err, account.ErrAccountNotActive)
		_, err = credit("t-2", usd(1)).Decide(a)
		require.ErrorIs(t, err, account.ErrAccountNotActive)
	}
}

// A held amount is not available, although it is posted.
func TestHeldFundsAreNotAvailable(t *testing.T) {
	t.Parallel()
	a := account.Accounts.FromEvents("a", created(), credited("t-1", 100, 100)).State()
	a.Held = 30
	_, err := debit("t-2", usd(71)).Decide(a)
	var insufficient *account.InsufficientFundsError
	require.ErrorAs(t, err, &insufficient)
	require.Equal(t, account.InsufficientFundsError{
		AccountID: "a", Currency: "USD", Exponent: 2, Amount: 71, Available: 70,
	}, *insufficient)
	events, err := debit("t-2", usd(70)).Decide(a)
	require.NoError(t, err)
	require.Equal(t, []aggregate.Event[account.Account]{debited("t-2", 70, 30)}, events)
}
