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
//
// The state is bounded and has no references, so copies share nothing. It has no list of what was
// posted. The store knows which commands were applied: see [CreditAccount.CommandID].
type Account struct {
	Status    Status
	OwnerID   string
	OwnerType OwnerType
	Type      Type
	Currency  money.Currency
	Exponent  int // of the minor units that this account counts in

	MaxBalance Limit
	MinBalance Limit // none: 0, or no such limit for an EXTERNAL account; see Limits

	Posted int64
	Held   int64
}

// Limit is a limit of a balance. The zero Limit is none.
type Limit struct {
	Set   bool  // false: no such limit
	Minor int64 // units
}

func limitOf(minor *int64) Limit {
	if minor == nil {
		return Limit{}
	}
	return Limit{Set: true, Minor: *minor}
}

// Pointer returns the limit as events and answers have it: nil for none.
func (l Limit) Pointer() *int64 {
	if !l.Set {
		return nil
	}
	return &l.Minor
}

// Exists reports whether the account was ever created.
func (a Account) Exists() bool { return a.Status != StatusNone }

// Limits returns the least value of posted − held and the greatest value of posted.
func (a Account) Limits() (lowest, highest Limit) {
	switch {
	case a.Type == TypeExternal:
		return Limit{}, Limit{}
	case !a.MinBalance.Set:
		return Limit{Set: true}, a.MaxBalance
	}
	return a.MinBalance, a.MaxBalance
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
