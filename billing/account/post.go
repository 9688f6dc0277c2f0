package account

import (
	"cmp"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/command"
)

// maxMicros is the greatest number of microseconds such that a double holds it and all smaller
// ones.
const maxMicros = 1<<53 - 1

// Earliest returns the first valid effective time, 1970-01-01T00:00:00Z.
func Earliest() time.Time { return time.UnixMicro(0).UTC() }

// Latest returns the last valid effective time, 2255-06-05T23:47:34.740991Z. Events have times in
// microseconds since 1970, and a double holds each number of them up to this one.
func Latest() time.Time { return time.UnixMicro(maxMicros).UTC() }

// CreditAccount adds an amount to an account.
type CreditAccount struct {
	AccountID     string
	TransactionID string // the command's id, so a transaction has one effect on an account; see CommandID
	EntryType     EntryType
	Amount        money.Decimal  // above 0, with no more digits after the point than the account counts with
	Currency      money.Currency // the account's
	Contra        string         // id of the account on the other side

	// EffectiveAt is when it counts, kept to the microsecond: from [Earliest] to [Latest]. Default:
	// when the command is dispatched.
	EffectiveAt time.Time
}

// DebitAccount takes an amount from an account.
type DebitAccount struct {
	AccountID     string
	TransactionID string // the command's id, so a transaction has one effect on an account; see CommandID
	EntryType     EntryType
	Amount        money.Decimal  // above 0, with no more digits after the point than the account counts with
	Currency      money.Currency // the account's
	Contra        string         // id of the account on the other side

	// EffectiveAt is when it counts, kept to the microsecond: from [Earliest] to [Latest]. Default:
	// when the command is dispatched.
	EffectiveAt time.Time
}

// CommandID returns TransactionID, which is the command's id. So a transaction is posted to an
// account once, whoever sends it, and however often. The account's state has no list of
// transactions.
//
// A command that is sent again has no effect, and the outcome of the first time. It is the same
// command if all fields say the same. EffectiveAt counts as it was sent, so the default differs
// from any given time. With other content the command is refused with
// [eventstore.ErrCommandReused]. That comes before the refusals of Decide, except [ids.ErrInvalid]
// and [ErrDuplicateEntry].
//
// A command id counts within one partition key. If each account has a partition key for itself, one
// transaction may be posted to two accounts.
//
// CommandID returns an empty id if TransactionID breaks the rules of package ids. Such a command is
// refused with [ids.ErrInvalid].
func (c CreditAccount) CommandID() string { return movement(c).commandID() }

// CommandID returns TransactionID, which is the command's id. See [CreditAccount.CommandID].
func (c DebitAccount) CommandID() string { return movement(c).commandID() }

var (
	_ command.Identified = CreditAccount{}
	_ command.Identified = DebitAccount{}
)

// Decide returns the account's AccountCredited, or the first of these refusals that applies:
//
//   - of the command itself [ids.ErrInvalid], [ErrDuplicateEntry], [ErrInvalidEntryType],
//     [money.ErrInvalidAmount], [ErrInvalidEffectiveTime];
//   - of the account [ErrAccountNotFound], [money.ErrMismatch], [money.ErrPrecision] or
//     [money.ErrOverflow] for an amount that it cannot count, [ErrAccountNotActive];
//   - of its balance [money.ErrOverflow] if the posted or the available amount would exceed
//     [money.MaxMinor], [ErrMaxBalanceExceeded].
//
// The account's currency and digits count, whatever ISO 4217 lists today.
//
// Decide does not ask whether the transaction was posted before. The store knows that: see
// [CreditAccount.CommandID].
func (c CreditAccount) Decide(a Account) ([]aggregate.Event[Account], error) {
	m := movement(c)
	amount, err := m.admit(a)
	if err != nil {
		return nil, err
	}
	after, err := m.credited(a, amount)
	if err != nil {
		return nil, err
	}
	return []aggregate.Event[Account]{AccountCredited{
		TransactionID: c.TransactionID,
		EntryType:     c.EntryType,
		Currency:      a.Currency,
		Exponent:      int32(a.Exponent),
		Amount:        amount,
		Contra:        c.Contra,
		BalanceAfter:  after,
		EffectiveAt:   m.effectiveAt(),
	}}, nil
}

// Decide returns the account's AccountDebited, or the first refusal that applies. The order is that
// of [CreditAccount.Decide]. The refusals of the balance are [ErrInsufficientFunds], or
// [money.ErrOverflow] for an EXTERNAL account.
func (c DebitAccount) Decide(a Account) ([]aggregate.Event[Account], error) {
	m := movement(c)
	amount, err := m.admit(a)
	if err != nil {
		return nil, err
	}
	after, err := m.debited(a, amount)
	if err != nil {
		return nil, err
	}
	return []aggregate.Event[Account]{AccountDebited{
		TransactionID: c.TransactionID,
		EntryType:     c.EntryType,
		Currency:      a.Currency,
		Exponent:      int32(a.Exponent),
		Amount:        amount,
		Contra:        c.Contra,
		BalanceAfter:  after,
		EffectiveAt:   m.effectiveAt(),
	}}, nil
}

// movement is the common part of a credit and a debit: everything but the direction.
type movement CreditAccount

// admit checks all but the balance, and returns the amount as the account counts.
func (m movement) admit(a Account) (int64, error) {
	if err := m.check(); err != nil {
		return 0, err
	}
	if !a.Exists() {
		return 0, &NotFoundError{AccountID: m.AccountID}
	}
	if m.Currency != a.Currency {
		return 0, fmt.Errorf("account %q: %w", m.AccountID, &money.MismatchError{Found: m.Currency, Want: a.Currency})
	}
	amount, err := m.Amount.Minor(a.Exponent)
	if err != nil {
		return 0, fmt.Errorf("account %q: %w", m.AccountID, err)
	}
	if a.Status != StatusActive {
		return 0, &NotActiveError{AccountID: m.AccountID, Status: a.Status}
	}
	return amount, nil
}

// check looks only at the command.
func (m movement) check() error {
	if err := m.checkIDs(); err != nil {
		return err
	}
	if !m.EntryType.Valid() {
		return &EntryTypeError{EntryType: m.EntryType}
	}
	sign, err := m.Amount.Sign()
	switch {
	case err != nil:
		return err
	case sign <= 0:
		return &AmountError{Amount: m.Amount, Currency: m.Currency}
	case m.EffectiveAt.IsZero() || m.EffectiveAt.Before(Earliest()) || m.effectiveAt().After(Latest()):
		return &TimeError{EffectiveAt: m.EffectiveAt}
	}
	return nil
}

func (m movement) checkIDs() error {
	err := cmp.Or(
		ids.CheckAccount("accountId", m.AccountID), ids.CheckFree("accountId", m.AccountID),
		ids.CheckName("transactionId", m.TransactionID), ids.CheckFree("transactionId", m.TransactionID),
		ids.CheckAccount("contra", m.Contra), ids.CheckFree("contra", m.Contra),
	)
	if err == nil && m.Contra == m.AccountID {
		err = &DuplicateEntryError{AccountID: m.AccountID}
	}
	return err
}

// commandID returns the transaction's id, or none if that breaks the rules. For an id that the bus
// cannot take either, the refusal would have another code.
func (m movement) commandID() string {
	if ids.CheckName("transactionId", m.TransactionID) != nil {
		return ""
	}
	return m.TransactionID
}

// credited returns the posted balance after a credit.
func (m movement) credited(a Account, amount int64) (int64, error) {
	lowest, highest := a.Limits()
	after, err := money.Add(a.Posted, amount)
	if err == nil && lowest.Set {
		_, err = money.Sub(after, lowest.Minor) // so that the available amount can always be counted
	}
	if err != nil {
		return 0, fmt.Errorf("account %q: %w", m.AccountID, err)
	}
	if highest.Set && after > highest.Minor {
		return 0, &MaxBalanceError{
			AccountID: m.AccountID, Currency: a.Currency, Exponent: a.Exponent,
			Amount: amount, Posted: a.Posted, MaxBalance: highest.Minor,
		}
	}
	return after, nil
}

// debited returns the posted balance after a debit.
func (m movement) debited(a Account, amount int64) (int64, error) {
	if lowest, _ := a.Limits(); lowest.Set {
		if available := a.Posted - a.Held - lowest.Minor; amount > available {
			return 0, &InsufficientFundsError{
				AccountID: m.AccountID, Currency: a.Currency, Exponent: a.Exponent, Amount: amount,
				Available: available,
			}
		}
	}
	after, err := money.Sub(a.Posted, amount)
	if err != nil {
		return 0, fmt.Errorf("account %q: %w", m.AccountID, err)
	}
	return after, nil
}

func (m movement) effectiveAt() time.Time { return m.EffectiveAt.UTC().Truncate(time.Microsecond) }
