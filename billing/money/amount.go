package money

import "fmt"

// MaxMinor is the greatest amount in minor units, 2^53−1, and −MaxMinor is the least. A double
// holds every whole number between them. At two digits after the point MaxMinor is
// 90,071,992,547,409.91.
const MaxMinor = 1<<53 - 1

// Amount is a sum of money: Minor units of Currency, such as 1250 of USD for 12.50 if USD is
// counted with two digits. It may be negative. It does not know the digits: keep the exponent
// beside an amount, for [Amount.Format]. The zero Amount has no currency.
type Amount struct {
	Minor    int64
	Currency Currency
}

// Add returns a + b. It fails with a *[MismatchError] if the currencies differ, and with an
// *[OverflowError] if the sum is beyond ±[MaxMinor].
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

// Neg returns −a. It fails with an *[OverflowError] if a is beyond ±[MaxMinor].
func (a Amount) Neg() (Amount, error) {
	minor, err := Sub(0, a.Minor)
	return a.with(minor, err)
}

// Format returns the amount for people, such as "12.50 USD", with the given number of digits after
// the point.
func (a Amount) Format(exponent int) string {
	return Format(a.Minor, exponent) + " " + name(a.Currency)
}

// String returns the amount as it is counted, such as "1250 minor units of USD".
func (a Amount) String() string {
	return fmt.Sprintf("%d minor units of %s", a.Minor, name(a.Currency))
}

func (a Amount) with(minor int64, err error) (Amount, error) {
	if err != nil {
		return Amount{}, err
	}
	return Amount{Minor: minor, Currency: a.Currency}, nil
}

// Add returns a + b, or an *[OverflowError] if that is beyond ±[MaxMinor].
func Add(a, b int64) (int64, error) {
	sum := a + b
	if wrapped := (sum > a) != (b > 0) && b != 0; wrapped || !fits(sum) {
		return 0, overflow(a, "+", b)
	}
	return sum, nil
}

// Sub returns a − b, or an *[OverflowError] if that is beyond ±[MaxMinor].
func Sub(a, b int64) (int64, error) {
	difference := a - b
	if wrapped := (difference < a) != (b > 0) && b != 0; wrapped || !fits(difference) {
		return 0, overflow(a, "-", b)
	}
	return difference, nil
}

func fits(minor int64) bool { return -MaxMinor <= minor && minor <= MaxMinor }
