package money

import (
	"strconv"

	"github.com/bojanz/currency"
)

// Currency is the alphabetic code of ISO 4217, in upper case, such as "USD". Any other text is
// invalid, and refused where it is looked up.
type Currency string

// Exponent returns how many digits follow the decimal point: 2 for USD, 0 for JPY, 3 for KWD. It
// fails with a *[CurrencyError] if ISO 4217 does not list the currency.
//
// Ask it once, when counting begins, and store the answer: the currency may be withdrawn later, or
// get other digits, and what was counted before stays as it is.
func (c Currency) Exponent() (int, error) {
	digits, ok := currency.GetDigits(string(c))
	if !ok {
		return 0, &CurrencyError{Currency: c}
	}
	return int(digits), nil
}

const codeLength = 3

// name shows a currency. What has not the form of a code is quoted; whether the code is listed does
// not matter.
func name(c Currency) string {
	code := len(c) == codeLength
	for _, r := range []byte(c) {
		code = code && 'A' <= r && r <= 'Z'
	}
	if !code {
		return strconv.Quote(string(c))
	}
	return string(c)
}
