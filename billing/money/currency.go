package money

import (
	"strconv"

	"github.com/bojanz/currency"
)

// Currency is the alphabetic code of ISO 4217, in upper case, such as "USD". Any other text is
// invalid, and a function that looks it up refuses it.
type Currency string

// Exponent returns how many digits follow the decimal point: 2 for USD, 0 for JPY, 3 for KWD. It
// fails with a *[CurrencyError] if ISO 4217 does not list the currency.
//
// Ask it once, when counting begins, and store the answer. The currency may be withdrawn later, or
// get other digits, and the amounts that were counted before stay as they are.
func (c Currency) Exponent() (int, error) {
	digits, ok := currency.GetDigits(string(c))
	if !ok {
		return 0, &CurrencyError{Currency: c}
	}
	return int(digits), nil
}

const codeLength = 3

// name shows a currency. It quotes a text that has not the form of a code. It does not matter
// whether the code is listed.
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
