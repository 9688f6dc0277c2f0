package money

import (
	"github.com/bojanz/currency"
)

// Currency is the alphabetic code of ISO 4217, in upper case, such as "USD". Any other text is invalid, and
// refused where it is looked up.
type Currency string

// Check returns nil, or a *[CurrencyError] if ISO 4217 does not list the currency.
func (c Currency) Check() error {
	_, err := c.Exponent()
	return err
}

// Exponent returns how many digits follow the decimal point: 2 for USD, 0 for JPY, 3 for KWD. It fails with a
// *[CurrencyError].
//
// The standard may change. Whoever stores minor units stores the exponent beside them, and uses that one from
// then on: see [Amount.MinorAt] and [Format].
func (c Currency) Exponent() (int, error) {
	digits, ok := currency.GetDigits(string(c))
	if !ok {
		return 0, &CurrencyError{Currency: c}
	}
	return int(digits), nil
}
