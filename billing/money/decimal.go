package money

import (
	"strconv"
	"strings"
)

const (
	ten         = 10
	maxDecimal  = 40 // characters of a decimal string; an int64 needs 20 and a point
	maxExponent = 18 // digits after the point; an int64 has 18 in full
)

// Parse reads a decimal string such as "12.50" or "-3": digits, perhaps with a minus before them, perhaps with a
// point and digits after them, and nothing else.
//
// It fails with a *[CurrencyError]; with a *[SyntaxError]; with a *[PrecisionError] if there are more digits after the
// point than the currency has, be they zeros; and with an *[OverflowError].
func Parse(decimal string, c Currency) (Amount, error) {
	exponent, err := c.Exponent()
	if err != nil {
		return Amount{}, err
	}
	minor, err := ParseAt(decimal, exponent)
	if err != nil {
		return Amount{}, err
	}
	return Amount{Minor: minor, Currency: c}, nil
}

// ParseAt is [Parse] for a known exponent, 0 to 18, and returns minor units.
func ParseAt(decimal string, exponent int) (int64, error) {
	unsigned, negative := strings.CutPrefix(decimal, "-")
	whole, fraction, point := strings.Cut(unsigned, ".")
	if len(decimal) > maxDecimal || !digits(whole) || point && !digits(fraction) {
		return 0, &SyntaxError{Text: decimal}
	}
	if len(fraction) > exponent {
		return 0, &PrecisionError{Text: decimal, Exponent: exponent}
	}
	text := whole + fraction + strings.Repeat("0", exponent-len(fraction))
	if negative {
		text = "-" + text
	}
	minor, err := strconv.ParseInt(text, ten, 64)
	if err != nil { // only its range can be wrong by now
		return 0, &OverflowError{Operation: decimal}
	}
	return minor, nil
}

// Format writes minor units with the given number of decimal digits, such as "-0.05" for -5 with 2. It is the
// inverse of [ParseAt]. An exponent below 0 or above 18 counts as 0 or 18.
func Format(minor int64, exponent int) string {
	exponent = min(max(exponent, 0), maxExponent)
	sign, magnitude := "", uint64(minor)
	if minor < 0 {
		sign, magnitude = "-", -magnitude
	}
	text := strconv.FormatUint(magnitude, ten)
	if missing := exponent + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	if exponent == 0 {
		return sign + text
	}
	point := len(text) - exponent
	return sign + text[:point] + "." + text[point:]
}

// Decimal returns the amount without its currency, such as "12.50"; for a currency that ISO 4217 does not
// list, in minor units.
func (a Amount) Decimal() string {
	exponent, err := a.Currency.Exponent()
	if err != nil {
		return Format(a.Minor, 0)
	}
	return Format(a.Minor, exponent)
}

// String returns the amount for people, such as "12.50 USD".
func (a Amount) String() string {
	if a.Currency.Check() != nil {
		return a.Decimal() + " minor units of " + strconv.Quote(string(a.Currency))
	}
	return a.Decimal() + " " + string(a.Currency)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
