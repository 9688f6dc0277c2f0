package account

import (
	"cmp"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/money"
)

// The years that an effective time may lie in, as for the events themselves.
const (
	firstYear = 1970
	lastYear  = 9999
)

// CreditAccount adds an amount to an account.
type CreditAccount struct {
	AccountID     string
	TransactionID string // one transaction has one effect on an account, however often it is sent
	EntryType     EntryType
	Amount        money.Amount // above 0
	Contra        string       // id of the account on the other side

	// EffectiveAt is when it counts, kept to the microsecond. Default: when the command is dispatched.
	EffectiveAt time.Time
}

// DebitAccount takes an amount from an account.
type DebitAccount struct {
	AccountID     string
	TransactionID string // one transaction has one effect on an account, however often it is sent
	EntryType     EntryType
	Amount        money.Amount // above 0
	Contra        string       // id of the account on the other side

	// EffectiveAt is when it counts, kept to the microsecond. Default: when the command is dispatched.
	EffectiveAt time.Time
}

// Decide returns the account's AccountCredited, nothing if the account has this posting already, or the first of these
// refusals that applies.
//
// Of the command itself: [ids.ErrInvalid], [ErrDuplicateEntry], [ErrInvalidEntryType], [money.ErrInvalidAmount], [money.ErrInvalidCurrency],
// [ErrInvalidEffectiveTime]. Of the account: [ErrAccountNotFound], [money.ErrMismatch], [money.ErrPrecision] or
// [money.ErrOverflow] for an amount that it cannot count, [ErrIdempotencyKeyReused], [ErrAccountNotActive]. Of its
// balance: [money.ErrOverflow], [ErrMaxBalanceExceeded].
//
// A posting is the same if entry type, amount and contra are. EffectiveAt does not matter, so that a repetition may leave
// it to its default.
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
		Amount:        amount,
		Contra:        c.Contra,
		BalanceAfter:  after,
		EffectiveAt:   m.effectiveAt(),
	}}, nil
}

// Decide returns the account's AccountDebited, nothing if the account has this posting already, or the first refusal
// that applies, in the order of [CreditAccount.Decide]; of the balance: [ErrInsufficientFunds], or
// [money.ErrOverflow] for an EXTERNAL account.
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
		Amount:        amount,
		Contra:        c.Contra,
		BalanceAfter:  after,
		EffectiveAt:   m.effectiveAt(),
	}}, nil
}

// movement is what a credit and a debit have in common: everything but the direction.
type movement CreditAccount

// admit checks all but the balance, and returns the amount as the account counts.
func (m movement) admit(a Account) (int64, error) {
	if err := m.check(); err != nil {
		return 0, err
	}
	if !a.Exists() {
		return 0, &NotFoundError{AccountID: m.AccountID}
	}
	if m.Amount.Currency != a.Currency {
		return 0, fmt.Errorf("account %q: %w", m.AccountID, &money.MismatchError{Found: m.Amount.Currency, Want: a.Currency})
	}
	amount, err := m.Amount.MinorAt(a.Exponent)
	if err != nil {
		return 0, fmt.Errorf("account %q: %w", m.AccountID, err)
	}
	return amount, nil
}

// check looks at the command alone.
func (m movement) check() error {
	if err := m.checkIDs(); err != nil {
		return err
	}
	switch {
	case !m.EntryType.Valid():
		return &EntryTypeError{EntryType: m.EntryType}
	case m.Amount.Minor <= 0:
		return &AmountError{Amount: m.Amount}
	}
	if err := m.Amount.Currency.Check(); err != nil {
		return err
	}
	if year := m.EffectiveAt.UTC().Year(); m.EffectiveAt.IsZero() || year < firstYear || year > lastYear {
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

// done reports whether the account has the posting already. It comes before the question whether the account takes
// postings now: what was answered once is answered the same again.
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

// credited returns what is posted after a credit.
func (m movement) credited(a Account, amount int64) (int64, error) {
	lowest, highest := a.Limits()
	after, err := money.Add(a.Posted, amount)
	if err == nil && lowest != nil {
		_, err = money.Sub(after, *lowest) // so that what is available can always be counted
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

// debited returns what is posted after a debit.
func (m movement) debited(a Account, amount int64) (int64, error) {
	if lowest, _ := a.Limits(); lowest != nil {
		if available := a.Posted - a.Held - *lowest; amount > available {
			return 0, &InsufficientFundsError{
				AccountID: m.AccountID, Currency: a.Currency, Exponent: a.Exponent, Amount: amount, Available: available,
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
