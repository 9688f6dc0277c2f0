package account

import (
	"fmt"
	"time"

	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
)

// The reasons why a command or a query is refused. They are codes for clients, and sentinels for
// errors.Is. Each stands for the named error type. For amounts there are those of package money
// besides, among them [money.ErrInvalidAmount] for an *[AmountError]. The store refuses a command
// whose id another command had: see [refusal.CommandReused].
const (
	ErrAccountNotFound      refusal.Code = "AccountNotFound"      // [NotFoundError]
	ErrAccountAlreadyExists refusal.Code = "AccountAlreadyExists" // [AlreadyExistsError]
	ErrAccountNotActive     refusal.Code = "AccountNotActive"     // [NotActiveError]
	ErrInvalidOwner         refusal.Code = "InvalidOwner"         // [OwnerError]
	ErrInvalidAccountType   refusal.Code = "InvalidAccountType"   // [TypeError]
	ErrInvalidLimits        refusal.Code = "InvalidLimits"        // [LimitsError]
	ErrDuplicateEntry       refusal.Code = "DuplicateEntry"       // [DuplicateEntryError]
	ErrInvalidEntryType     refusal.Code = "InvalidEntryType"     // [EntryTypeError]
	ErrInvalidEffectiveTime refusal.Code = "InvalidEffectiveTime" // [TimeError]
	ErrMaxBalanceExceeded   refusal.Code = "MaxBalanceExceeded"   // [MaxBalanceError]
	ErrInsufficientFunds    refusal.Code = "InsufficientFunds"    // [InsufficientFundsError]
)

// NotFoundError says that there is no such account. It matches [ErrAccountNotFound].
type NotFoundError struct{ AccountID string }

// Error says which and what to do.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("account %q does not exist: create it first", e.AccountID)
}

// Unwrap returns [ErrAccountNotFound].
func (e *NotFoundError) Unwrap() error { return ErrAccountNotFound }

// AlreadyExistsError says that an account was created before. It matches [ErrAccountAlreadyExists].
type AlreadyExistsError struct{ AccountID string }

// Error says which.
func (e *AlreadyExistsError) Error() string {
	return fmt.Sprintf("account %q exists already", e.AccountID)
}

// Unwrap returns [ErrAccountAlreadyExists].
func (e *AlreadyExistsError) Unwrap() error { return ErrAccountAlreadyExists }

// NotActiveError says that an account takes no postings now. It matches [ErrAccountNotActive].
type NotActiveError struct {
	AccountID string
	Status    Status
}

// Error says what was found and what was expected.
func (e *NotActiveError) Error() string {
	return fmt.Sprintf("account %q is %s, expected %s", e.AccountID, e.Status, StatusActive)
}

// Unwrap returns [ErrAccountNotActive].
func (e *NotActiveError) Unwrap() error { return ErrAccountNotActive }

// OwnerError says that there is no such type of owner. It matches [ErrInvalidOwner].
type OwnerError struct{ OwnerType OwnerType }

// Error says what was found and what was expected.
func (e *OwnerError) Error() string {
	return fmt.Sprintf("owner type %q is unknown, expected %s, %s or %s",
		string(e.OwnerType), OwnerUser, OwnerOrganization, OwnerSystem)
}

// Unwrap returns [ErrInvalidOwner].
func (e *OwnerError) Unwrap() error { return ErrInvalidOwner }

// TypeError says that there is no such type of account. It matches [ErrInvalidAccountType].
type TypeError struct{ Type Type }

// Error says what was found and what was expected.
func (e *TypeError) Error() string {
	return fmt.Sprintf("account type %q is unknown, expected %s, %s or %s", string(e.Type), TypeUser, TypeSystem,
		TypeExternal)
}

// Unwrap returns [ErrInvalidAccountType].
func (e *TypeError) Unwrap() error { return ErrInvalidAccountType }

// LimitsError says that an account cannot have such limits. It matches [ErrInvalidLimits].
type LimitsError struct {
	Type                   Type
	Currency               money.Currency
	MinBalance, MaxBalance *money.Decimal // nil if there is none
}

// Error says what was found and what was expected.
func (e *LimitsError) Error() string {
	have := fmt.Sprintf("minBalance %s and maxBalance %s", e.optional(e.MinBalance), e.optional(e.MaxBalance))
	if e.Type == TypeExternal {
		return fmt.Sprintf("%s for an %s account, expected neither: it has no limits", have, TypeExternal)
	}
	return have + ", expected minBalance ≤ 0 ≤ maxBalance"
}

// Unwrap returns [ErrInvalidLimits].
func (e *LimitsError) Unwrap() error { return ErrInvalidLimits }

func (e *LimitsError) optional(limit *money.Decimal) string {
	if limit == nil {
		return "none"
	}
	return string(*limit) + " " + string(e.Currency)
}

// DuplicateEntryError says that an account is on both sides of a movement. It matches
// [ErrDuplicateEntry].
type DuplicateEntryError struct{ AccountID string }

// Error says which and what was expected.
func (e *DuplicateEntryError) Error() string {
	return fmt.Sprintf("account %q is its own contra, expected another account", e.AccountID)
}

// Unwrap returns [ErrDuplicateEntry].
func (e *DuplicateEntryError) Unwrap() error { return ErrDuplicateEntry }

// EntryTypeError says that there is no such reason for money to move. It matches
// [ErrInvalidEntryType].
type EntryTypeError struct{ EntryType EntryType }

// Error says what was found and what was expected.
func (e *EntryTypeError) Error() string {
	return fmt.Sprintf("entry type %q is unknown, expected %s, %s, %s, %s, %s or %s", string(e.EntryType),
		EntryTopUp, EntryPayment, EntryTransfer, EntryRefund, EntryReversal, EntryAdjustment)
}

// Unwrap returns [ErrInvalidEntryType].
func (e *EntryTypeError) Unwrap() error { return ErrInvalidEntryType }

// AmountError says that an amount is not above 0. It matches [money.ErrInvalidAmount].
type AmountError struct {
	Amount   money.Decimal
	Currency money.Currency
}

// Error says what was found and what was expected.
func (e *AmountError) Error() string {
	return fmt.Sprintf("amount %s %s, expected one above 0: a credit and a debit say the direction", e.Amount,
		e.Currency)
}

// Unwrap returns [money.ErrInvalidAmount].
func (e *AmountError) Unwrap() error { return money.ErrInvalidAmount }

// TimeError says that an effective time cannot be stored. It matches [ErrInvalidEffectiveTime].
type TimeError struct{ EffectiveAt time.Time }

// Error says what was found and what was expected.
func (e *TimeError) Error() string {
	found := e.EffectiveAt.UTC().Format(time.RFC3339Nano)
	if e.EffectiveAt.IsZero() {
		found = "is not given, or " + found
	}
	return fmt.Sprintf("effectiveAt %s, expected a time from %s to %s: microseconds of later ones exceed 2^53-1",
		found, Earliest().Format(time.RFC3339Nano), Latest().Format(time.RFC3339Nano))
}

// Unwrap returns [ErrInvalidEffectiveTime].
func (e *TimeError) Unwrap() error { return ErrInvalidEffectiveTime }

// MaxBalanceError says that a credit would exceed the account's limit. It matches
// [ErrMaxBalanceExceeded].
type MaxBalanceError struct {
	AccountID                  string
	Currency                   money.Currency
	Exponent                   int
	Amount, Posted, MaxBalance int64
}

// Error gives the figures.
func (e *MaxBalanceError) Error() string {
	return fmt.Sprintf("account %q has %s %s posted and takes at most %s: a credit of %s is too much", e.AccountID,
		money.Format(e.Posted, e.Exponent), e.Currency, money.Format(e.MaxBalance, e.Exponent),
		money.Format(e.Amount, e.Exponent))
}

// Unwrap returns [ErrMaxBalanceExceeded].
func (e *MaxBalanceError) Unwrap() error { return ErrMaxBalanceExceeded }

// InsufficientFundsError says that less is available than a debit asks for. It matches
// [ErrInsufficientFunds].
type InsufficientFundsError struct {
	AccountID         string
	Currency          money.Currency
	Exponent          int
	Amount, Available int64
}

// Error gives the figures.
func (e *InsufficientFundsError) Error() string {
	return fmt.Sprintf("account %q has %s %s available: a debit of %s is too much", e.AccountID,
		money.Format(e.Available, e.Exponent), e.Currency, money.Format(e.Amount, e.Exponent))
}

// Unwrap returns [ErrInsufficientFunds].
func (e *InsufficientFundsError) Unwrap() error { return ErrInsufficientFunds }
