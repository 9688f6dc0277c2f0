package account

import (
	"embed"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/money"
)

// Accounts is the aggregate type.
//
//nolint:gochecknoglobals // written once, never changed
var Accounts = aggregate.NewType[Account]("Account", AccountCreated{}, AccountCredited{}, AccountDebited{})

// Schemas holds the Avro schema of each event, as "<EventType>.avsc", and its released revisions,
// as "released/<EventType>.v<N>.avsc".
//
//go:embed *.avsc released/*.avsc
var Schemas embed.FS

// Account is the state of an account. Only its events change it. The zero Account does not exist
// yet.
type Account struct {
	Status    Status
	OwnerID   string
	OwnerType OwnerType
	Type      Type
	Currency  money.Currency
	Exponent  int // of the minor units that this account counts in

	MaxBalance *int64 // nil: no such limit
	MinBalance *int64 // nil: 0, or no such limit for an EXTERNAL account; see Limits

	Posted int64
	Held   int64

	// Postings are what transactions did to the account, by transaction id.
	Postings map[string]Posting
}

// Posting is what one transaction did to the account.
type Posting struct {
	EntryType EntryType
	Amount    int64 // below 0 for a debit
	Contra    string
}

// Exists reports whether the account was ever created.
func (a Account) Exists() bool { return a.Status != StatusNone }

// Limits returns the least value of posted − held and the greatest value of posted, each nil if
// there is no such limit.
func (a Account) Limits() (lowest, highest *int64) { return limits(a.Type, a.MinBalance, a.MaxBalance) }

func limits(t Type, lowest, highest *int64) (*int64, *int64) {
	switch {
	case t == TypeExternal:
		return nil, nil
	case lowest == nil:
		return new(int64), highest
	}
	return lowest, highest
}

// Status says which commands an account takes.
type Status string

// The states of an account.
const (
	StatusNone      Status = "" // it does not exist
	StatusActive    Status = "ACTIVE"
	StatusSuspended Status = "SUSPENDED"
	StatusClosed    Status = "CLOSED"
)

// OwnerType says what kind of owner an account has.
type OwnerType string

// The types of owners. A reader decodes a type that is newer than itself as OwnerUnknown, which no
// command takes.
const (
	OwnerUnknown      OwnerType = "UNKNOWN"
	OwnerUser         OwnerType = "USER"
	OwnerOrganization OwnerType = "ORGANIZATION"
	OwnerSystem       OwnerType = "SYSTEM"
)

// Symbols returns all of them as they are stored, in the order of the schema.
func (OwnerType) Symbols() []string {
	return symbols(OwnerUnknown, OwnerUser, OwnerOrganization, OwnerSystem)
}

// Valid reports whether a command may name it.
func (t OwnerType) Valid() bool {
	switch t {
	case OwnerUser, OwnerOrganization, OwnerSystem:
		return true
	case OwnerUnknown:
	}
	return false
}

// Type says what an account is for.
type Type string

// The types of accounts. A reader decodes a type that is newer than itself as TypeUnknown, which no
// command takes.
const (
	TypeUnknown  Type = "UNKNOWN"
	TypeUser     Type = "USER"
	TypeSystem   Type = "SYSTEM"
	TypeExternal Type = "EXTERNAL" // the world outside: without limits, so that every movement has two sides
)

// Symbols returns all of them as they are stored, in the order of the schema.
func (Type) Symbols() []string {
	return symbols(TypeUnknown, TypeUser, TypeSystem, TypeExternal)
}

// Valid reports whether a command may name it.
func (t Type) Valid() bool {
	switch t {
	case TypeUser, TypeSystem, TypeExternal:
		return true
	case TypeUnknown:
	}
	return false
}

// EntryType says why money moves.
type EntryType string

// The types of entries. A reader decodes a type that is newer than itself as EntryUnknown, which no
// command takes.
const (
	EntryUnknown    EntryType = "UNKNOWN"
	EntryTopUp      EntryType = "TOPUP"
	EntryPayment    EntryType = "PAYMENT"
	EntryTransfer   EntryType = "TRANSFER"
	EntryRefund     EntryType = "REFUND"
	EntryReversal   EntryType = "REVERSAL"
	EntryAdjustment EntryType = "ADJUSTMENT"
)

// Symbols returns all of them as they are stored, in the order of the schema.
func (EntryType) Symbols() []string {
	return symbols(EntryUnknown, EntryTopUp, EntryPayment, EntryTransfer, EntryRefund, EntryReversal, EntryAdjustment)
}

// Valid reports whether a command may name it.
func (t EntryType) Valid() bool {
	switch t {
	case EntryTopUp, EntryPayment, EntryTransfer, EntryRefund, EntryReversal, EntryAdjustment:
		return true
	case EntryUnknown:
	}
	return false
}

func symbols[T ~string](all ...T) []string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = string(s)
	}
	return names
}
