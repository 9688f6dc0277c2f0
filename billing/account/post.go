package account

import (
	"cmp"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/money"
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
	TransactionID string // one transaction has one effect on an account, however often it is sent
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
	TransactionID string // one transaction has one effect on an account, however often it is sent
	EntryType     EntryType
	Amount        money.Decimal  // above 0, with no more digits after the point than the account counts with
	Currency      money.Currency // the account's
	Contra        string         // id of the account on the other side

	// EffectiveAt is when it counts, kept to the microsecond: from [Earliest] to [Latest]. Default:
	// when the command is dispatched.
	EffectiveAt time.Time
}

// Decide returns the account's AccountCredited, nothing if the account has this posting already, or
// the first of these refusals that applies:
//
//   - of the command itself [ids.ErrInvalid], [ErrDuplicateEntry], [ErrInvalidEntryType],
//     [money.ErrInvalidAmount], [ErrInvalidEffectiveTime];
//   - of the account [ErrAccountNotFound], [money.ErrMismatch], [money.ErrPrecision] or
//     [money.ErrOverflow] for an amount that it cannot count, [ErrIdempotencyKeyReused],
//     [ErrAccountNotActive];
//   - of its balance [money.ErrOverflow] if the posted or the available amount would exceed
//     [money.MaxMinor], [ErrMaxBalanceExceeded].
//
// The account's currency and digits count, whatever ISO 4217 lists today.
//
// A posting is the same if entry type, amount and contra are the same. EffectiveAt does not matter:
// a repetition may leave it to its default.
func (c CreditAccount) Decide(a Account) ([]aggregate.Event[Account], error) {
	m := movement(c)
	amount, err := m.admit(a)
	if err != nil {
		return nil, err
	}
	done, err := m.done(a, amount)
	if done || err != nil {
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

// Decide returns the account's AccountDebited, nothing if the account has this posting already, or
// the first refusal that applies. The order is that of [CreditAccount.Decide]. The refusals of the
// balance are [ErrInsufficientFunds], or [money.ErrOverflow] for an EXTERNAL account.
func (c DebitAccount) Decide(a Account) ([]aggregate.Event[Account], error) {
	m := movement(c)
	amount, err := m.admit(a)
	if err != nil {
		return nil, err
	}
	done, err := m.done(a, -amount)
	if done || err != nil {
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

// done reports whether the account has the posting already. It comes before the question whether
// the account takes postings now, so that a repetition gets the same answer again.
func (m movement) done(a Account, signed int64) (bool, error) {
	p := Posting{EntryType: m.EntryType, Amount: signed, Contra: m.Contra}
	stored, ok := a.Postings[m.TransactionID]
	switch {
	case ok && stored != p:
		return false, &KeyReusedError{
			AccountID: m.AccountID, TransactionID: m.TransactionID, Stored: stored, Refused: p, Exponent: a.Exponent,
		}
	case !ok && a.Status != StatusActive:
		return false, &NotActiveError{AccountID: m.AccountID, Status: a.Status}
	}
	return ok, nil
}

// credited returns the posted balance after a credit.
func (m movement) credited(a Account, amount int64) (int64, error) {
	lowest, highest := a.Limits()
	after, err := money.Add(a.Posted, amount)
	if err == nil && lowest != nil {
		_, err = money.Sub(after, *lowest) // so that the available amount can always be counted
	}
	if err != nil {
		return 0, fmt.Errorf("account %q: %w", m.AccountID, err)
	}
	if highest != nil && after > *highest {
		return 0, &MaxBalanceError{
			AccountID: m.AccountID, Currency: a.Currency, Exponent: a.Exponent,
			Amount: amount, Posted: a.Posted, MaxBalance: *highest,
		}
	}
	return after, nil
}

// debited returns the posted balance after a debit.
func (m movement) debited(a Account, amount int64) (int64, error) {
	if lowest, _ := a.Limits(); lowest != nil {
		if available := a.Posted - a.Held - *lowest; amount > available {
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
