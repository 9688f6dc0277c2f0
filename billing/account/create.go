package account

import (
	"cmp"
	"fmt"

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

	// MaxBalance is the greatest value that posted may have, 0 or more, in Currency. Default: no
	// such limit.
	MaxBalance *money.Decimal

	// MinBalance is the least value that posted less held may have, in Currency. It is 0 for a
	// prepaid account, and below 0 by the credit limit for a postpaid one. Default: 0.
	//
	// An EXTERNAL account has neither limit.
	MinBalance *money.Decimal
}

// Decide returns the account's AccountCreated, or the first of these refusals that applies:
//   - [ids.ErrInvalid], [ErrInvalidOwner], [ErrInvalidAccountType], [money.ErrInvalidCurrency];
//   - of each limit [money.ErrInvalidAmount], [money.ErrPrecision], [money.ErrOverflow];
//   - [ErrInvalidLimits], [ErrAccountAlreadyExists].
//
// No other command asks whether ISO 4217 lists the currency, and with how many digits. The account
// counts with that many digits for ever.
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
	lowest, highest, err := c.limits(exponent)
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

// limits returns the limits as the event has them: nil for a limit that is not given.
func (c CreateAccount) limits(exponent int) (lowest, highest *int64, err error) {
	if lowest, err = limit("minBalance", c.MinBalance, exponent); err != nil {
		return nil, nil, err
	}
	if highest, err = limit("maxBalance", c.MaxBalance, exponent); err != nil {
		return nil, nil, err
	}
	given := lowest != nil || highest != nil
	if given && c.AccountType == TypeExternal || lowest != nil && *lowest > 0 || highest != nil && *highest < 0 {
		return nil, nil, &LimitsError{
			Type: c.AccountType, Currency: c.Currency, MinBalance: c.MinBalance, MaxBalance: c.MaxBalance,
		}
	}
	return lowest, highest, nil
}

func limit(name string, decimal *money.Decimal, exponent int) (*int64, error) {
	if decimal == nil {
		return nil, nil
	}
	minor, err := decimal.Minor(exponent)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &minor, nil
}
