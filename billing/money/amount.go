package money

import "math"

// Amount is a sum of money: Minor units of Currency, such as 1250 of USD for 12.50. It may be negative. The zero Amount is
// of no currency.
type Amount struct {
	Minor    int64
	Currency Currency
}

// Add returns a + b. It fails with a *[MismatchError] if the currencies differ, and with an *[OverflowError].
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, &MismatchError{Found: b.Currency, Want: a.Currency}
	}
	minor, err := Add(a.Minor, b.Minor)
	return a.with(minor, err)
}

// Sub returns a − b. It fails as [Amount.Add] does.
func (a Amount) Sub(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, &MismatchError{Found: b.Currency, Want: a.Currency}
	}
	minor, err := Sub(a.Minor, b.Minor)
	return a.with(minor, err)
}

// Neg returns −a. It fails with an *[OverflowError] for the least amount, which has no opposite.
func (a Amount) Neg() (Amount, error) {
	minor, err := Sub(0, a.Minor)
	return a.with(minor, err)
}

func (a Amount) with(minor int64, err error) (Amount, error) {
	if err != nil {
		return Amount{}, err
	}
	return Amount{Minor: minor, Currency: a.Currency}, nil
}

// MinorAt returns the amount in units with the given number of decimal digits: what an account counts in that was opened
// when the currency had that exponent. It fails with a *[CurrencyError], with a *[PrecisionError] if the amount has more
// digits than that, and with an *[OverflowError].
func (a Amount) MinorAt(exponent int) (int64, error) {
	own, err := a.Currency.Exponent()
	if err != nil {
		return 0, err
	}
	minor := a.Minor
	for ; own < exponent; own++ {
		if minor > math.MaxInt64/ten || minor < math.MinInt64/ten {
			return 0, &OverflowError{Operation: a.String() + " in smaller units"}
		}
		minor *= ten
	}
	for ; own > exponent; own-- {
		if minor%ten != 0 {
			return 0, &PrecisionError{Text: a.Decimal(), Exponent: exponent}
		}
		minor /= ten
	}
	return minor, nil
}

// Add returns a + b, or an *[OverflowError].
func Add(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) && b != 0 {
		return 0, overflow(a, "+", b)
	}
	return sum, nil
}

// Sub returns a − b, or an *[OverflowError].
func Sub(a, b int64) (int64, error) {
	difference := a - b
	if (difference < a) != (b > 0) && b != 0 {
		return 0, overflow(a, "-", b)
	}
	return difference, nil
}
