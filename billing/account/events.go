package account

import (
	"time"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/money"
)

// AccountCreated says that an account was opened.
//
//nolint:revive // the Go name is the durable name
type AccountCreated struct {
	OwnerID     string         `avro:"ownerId"`
	OwnerType   OwnerType      `avro:"ownerType"`
	AccountType Type           `avro:"accountType"`
	Currency    money.Currency `avro:"currency"`
	Exponent    int32          `avro:"exponent"` // of the minor units of this account, for ever
	MaxBalance  *int64         `avro:"maxBalance"`
	MinBalance  *int64         `avro:"minBalance"`
}

// AccountCredited says that an amount was added to the posted balance.
//
// Revision 1 has no currency and no exponent. The account's AccountCreated has them for every
// revision.
//
//nolint:revive // the Go name is the durable name
type AccountCredited struct {
	TransactionID string         `avro:"transactionId"`
	EntryType     EntryType      `avro:"entryType"`
	Currency      money.Currency `avro:"currency"` // the account's; empty in revision 1
	Exponent      int32          `avro:"exponent"` // of the minor units, the account's; -1 in revision 1
	Amount        int64          `avro:"amount"`   // above 0
	Contra        string         `avro:"contra"`   // id of the account on the other side
	BalanceAfter  int64          `avro:"balanceAfter"`
	EffectiveAt   time.Time      `avro:"effectiveAt"` // to the microsecond, UTC
}

// AccountDebited says that an amount was taken from the posted balance.
//
// Revision 1 has no currency and no exponent. The account's AccountCreated has them for every
// revision.
//
//nolint:revive // the Go name is the durable name
type AccountDebited struct {
	TransactionID string         `avro:"transactionId"`
	EntryType     EntryType      `avro:"entryType"`
	Currency      money.Currency `avro:"currency"` // the account's; empty in revision 1
	Exponent      int32          `avro:"exponent"` // of the minor units, the account's; -1 in revision 1
	Amount        int64          `avro:"amount"`   // above 0
	Contra        string         `avro:"contra"`   // id of the account on the other side
	BalanceAfter  int64          `avro:"balanceAfter"`
	EffectiveAt   time.Time      `avro:"effectiveAt"` // to the microsecond, UTC
}

var (
	_ aggregate.Event[Account] = AccountCreated{}
	_ aggregate.Event[Account] = AccountCredited{}
	_ aggregate.Event[Account] = AccountDebited{}
)

// EventType returns the durable name.
func (AccountCreated) EventType() string { return "AccountCreated" }

// EventType returns the durable name.
func (AccountCredited) EventType() string { return "AccountCredited" }

// EventType returns the durable name.
func (AccountDebited) EventType() string { return "AccountDebited" }

// Apply opens the account.
func (e AccountCreated) Apply(a *Account) {
	a.Status = StatusActive
	a.OwnerID = e.OwnerID
	a.OwnerType = e.OwnerType
	a.Type = e.AccountType
	a.Currency = e.Currency
	a.Exponent = int(e.Exponent)
	a.MaxBalance = limitOf(e.MaxBalance)
	a.MinBalance = limitOf(e.MinBalance)
}

// Apply adds the amount.
func (e AccountCredited) Apply(a *Account) { a.Posted += e.Amount }

// Apply takes the amount.
func (e AccountDebited) Apply(a *Account) { a.Posted -= e.Amount }
