package account_test

import (
	"os"
	"testing"
	"time"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/hamba"
	"github.com/fencelog/fencelog/schema/schematest"
)

// goldens has the values that the bytes of each released revision are today.
func goldens() map[string][]aggregate.Event[account.Account] {
	effectiveAt := time.Date(2026, 3, 1, 12, 30, 45, 123456000, time.UTC)
	return map[string][]aggregate.Event[account.Account]{
		"AccountCreated.v1": {account.AccountCreated{
			OwnerID: "user-é1", OwnerType: account.OwnerOrganization, AccountType: account.TypeUser,
			Currency: "JPY", Exponent: 0, MaxBalance: new(int64(1 << 40)), MinBalance: new(int64(-5000)),
		}},
		"AccountCredited.v1": {account.AccountCredited{
			TransactionID: "tx-1", EntryType: account.EntryTopUp, Exponent: -1, Amount: 1<<62 + 1, Contra: "world",
			BalanceAfter: 1<<62 + 2, EffectiveAt: effectiveAt,
		}},
		"AccountCredited.v2": {account.AccountCredited{
			TransactionID: "tx-1", EntryType: account.EntryTopUp, Currency: "KWD", Exponent: 3, Amount: money.MaxMinor,
			Contra: "world", BalanceAfter: money.MaxMinor, EffectiveAt: account.Latest(),
		}},
		"AccountDebited.v1": {account.AccountDebited{
			TransactionID: "tx-2", EntryType: account.EntryPayment, Exponent: -1, Amount: 1, Contra: "shop-1",
			BalanceAfter: -1, EffectiveAt: effectiveAt,
		}},
		"AccountDebited.v2": {account.AccountDebited{
			TransactionID: "tx-2", EntryType: account.EntryPayment, Currency: "JPY", Amount: 1, Contra: "shop-1",
			BalanceAfter: -money.MaxMinor, EffectiveAt: account.Earliest(),
		}},
	}
}

// The bytes of every released revision of every event load for ever, with every engine.
func TestGolden(t *testing.T) {
	t.Parallel()
	sources := schema.Sources{account.Accounts.Name(): account.Schemas}
	for name, engine := range map[string]schema.Engine{"twmb": schema.Twmb{}, "hamba": hamba.Engine{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schematest.Golden(t, account.Accounts, sources, os.DirFS("testdata/golden"), goldens(),
				schema.Config{Engine: engine})
		})
	}
}
