package account

import (
	"cmp"
	"math"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/money"
)

// CreateAccount opens an account.
type CreateAccount struct {
	AccountID   string
	OwnerID     string
	OwnerType   OwnerType
	AccountType Type
	Currency    money.Currency

	// MaxBalance is what posted may not exceed, 0 or more. Default: no such limit.
	MaxBalance *money.Amount

	// MinBalance is what posted less held may not fall below: 0 for a prepaid account, less a credit limit for a
	// postpaid one. Default: 0.
	//
	// An EXTERNAL account has neither limit.
	MinBalance *money.Amount
}

// Decide returns the account's AccountCreated, or the first of these refusals that applies: [ids.ErrInvalid],
// [ErrInvalidOwner], [ErrInvalidAccountType], [money.ErrInvalidCurrency], [money.ErrMismatch] for limits in another currency,
// [ErrInvalidLimits], [ErrAccountAlreadyExists].
func (c CreateAccount) Decide(a Account) ([]aggregate.Event[Account], error) {
	if err := c.checkIDs(); err != nil {
		return nil, err
	}
	if !c.OwnerType.Valid() {
		return nil, &OwnerError{OwnerType: c.OwnerType}
	}
	if !c.AccountType.Valid() {
		return nil, &TypeError{Type: c.AccountType}
	}
	exponent, err := c.Currency.Exponent()
	if err != nil {
		return nil, err
	}
	lowest, highest, err := c.limits()
	if err != nil {
		return nil, err
	}
	if a.Exists() {
		return nil, &AlreadyExistsError{AccountID: c.AccountID}
	}
	return []aggregate.Event[Account]{AccountCreated{
		OwnerID:     c.OwnerID,
		OwnerType:   c.OwnerType,
		AccountType: c.AccountType,
		Currency:    c.Currency,
		Exponent:    int32(exponent),
		MaxBalance:  highest,
		MinBalance:  lowest,
	}}, nil
}

func (c CreateAccount) checkIDs() error {
	return cmp.Or(
		ids.CheckAccount("accountId", c.AccountID), ids.CheckFree("accountId", c.AccountID),
		ids.CheckName("ownerId", c.OwnerID), ids.CheckFree("ownerId", c.OwnerID),
	)
}

// limits returns the limits as the event has them: nil for those not given.
func (c CreateAccount) limits() (lowest, highest *int64, err error) {
	if lowest, err = c.limit(c.MinBalance); err != nil {
		return nil, nil, err
	}
	if highest, err = c.limit(c.MaxBalance); err != nil {
		return nil, nil, err
	}
	given := lowest != nil || highest != nil
	// The least int64 has no opposite: with it, what is available could not be counted.
	if given && c.AccountType == TypeExternal ||
		lowest != nil && (*lowest > 0 || *lowest == math.MinInt64) ||
		highest != nil && *highest < 0 {
		return nil, nil, &LimitsError{Type: c.AccountType, MinBalance: c.MinBalance, MaxBalance: c.MaxBalance}
	}
	return lowest, highest, nil
}

func (c CreateAccount) limit(amount *money.Amount) (*int64, error) {
	if amount == nil {
		return nil, nil
	}
	if amount.Currency != c.Currency {
		return nil, &money.MismatchError{Found: amount.Currency, Want: c.Currency}
	}
	minor := amount.Minor
	return &minor, nil
}
