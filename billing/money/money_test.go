package money_test

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/bojanz/currency"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
)

func codes() *rapid.Generator[money.Currency] {
	return rapid.Map(rapid.SampledFrom(currency.GetCurrencyCodes()),
		func(c string) money.Currency { return money.Currency(c) })
}

// minors are whole numbers, often near the bounds of amounts and of 64 bits.
func minors() *rapid.Generator[int64] {
	return rapid.OneOf(
		within(),
		rapid.Int64(),
		rapid.Int64Range(math.MaxInt64-10, math.MaxInt64),
		rapid.Int64Range(math.MinInt64, math.MinInt64+10),
	)
}

// within are minor units that an amount may have, often near the bounds.
func within() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64Range(-money.MaxMinor, money.MaxMinor),
		rapid.Int64Range(-1000, 1000),
		rapid.Int64Range(money.MaxMinor-10, money.MaxMinor),
		rapid.Int64Range(-money.MaxMinor, -money.MaxMinor+10),
	)
}

// The limit fits its purpose: a double holds every whole number within it, and not all beyond.
func TestMaxMinorIsWhatADoubleHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		minor := within().Draw(t, "minor")
		require.Equal(t, minor, int64(float64(minor)))
	})
	require.Equal(t, float64(money.MaxMinor+1), float64(money.MaxMinor+2), "beyond it two of them are one")
}

func TestMinorReadsWhatFormatWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := within().Draw(t, "minor")
		exponent := rapid.IntRange(-1, 20).Draw(t, "exponent")
		decimal := money.Decimal(money.Format(want, exponent))
		minor, err := decimal.Minor(exponent)
		require.NoError(t, err)
		require.Equal(t, want, minor)

		short, err := decimal.MarshalText()
		require.NoError(t, err)
		minor, err = money.Decimal(short).Minor(exponent)
		require.NoError(t, err)
		require.Equal(t, want, minor, "the shortest text is of the same number")
		sign, err := decimal.Sign()
		require.NoError(t, err)
		require.Equal(t, cmp.Compare(want, 0), sign)
	})
}

func TestShortestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[money.Decimal]string{
		"12.50": "12.5", "0012": "12", "-0.00": "0", "0.10": "0.1", "-00.050": "-0.05", "100": "100", "": "",
		"1e3": "1e3", "5.": "5.",
	} {
		got, err := text.MarshalText()
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

// The library of the currency table reads and writes decimals in another way. Both must agree.
func TestDecimalsAgreeWithTheLibraryOfTheTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, want := codes().Draw(t, "currency"), minors().Draw(t, "minor")
		exponent, err := c.Exponent()
		require.NoError(t, err)
		other, err := currency.NewAmountFromInt64(want, string(c))
		require.NoError(t, err)
		require.Equal(t, other.Number(), money.Format(want, exponent))
		read, err := currency.NewAmount(money.Format(want, exponent), string(c))
		require.NoError(t, err)
		minor, err := read.Int64()
		require.NoError(t, err)
		require.Equal(t, want, minor)
	})
}

func TestArithmeticIsExactOrAnError(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := codes().Draw(t, "currency")
		a := money.Amount{Minor: minors().Draw(t, "a"), Currency: c}
		b := money.Amount{Minor: minors().Draw(t, "b"), Currency: c}

		sum, err := a.Add(b)
		exact(t, new(big.Int).Add(big.NewInt(a.Minor), big.NewInt(b.Minor)), sum, err, c)
		difference, err := a.Sub(b)
		exact(t, new(big.Int).Sub(big.NewInt(a.Minor), big.NewInt(b.Minor)), difference, err, c)
		opposite, err := a.Neg()
		exact(t, new(big.Int).Neg(big.NewInt(a.Minor)), opposite, err, c)
	})
}

// exact expects the true result, or an overflow if it is no amount.
func exact(t *rapid.T, want *big.Int, got money.Amount, err error, c money.Currency) {
	t.Helper()
	if want.CmpAbs(big.NewInt(money.MaxMinor)) > 0 {
		var overflow *money.OverflowError
		require.ErrorAs(t, err, &overflow, "%s is out of range", want)
		require.ErrorIs(t, err, money.ErrOverflow)
		require.Zero(t, got)
		return
	}
	require.NoError(t, err)
	require.Equal(t, money.Amount{Minor: want.Int64(), Currency: c}, got)
}

func TestArithmeticNeedsOneCurrency(t *testing.T) {
	t.Parallel()
	dollar, euro := money.Amount{Minor: 1, Currency: "USD"}, money.Amount{Minor: 1, Currency: "EUR"}
	_, sum := dollar.Add(euro)
	_, difference := dollar.Sub(euro)
	for _, err := range []error{sum, difference} {
		var mismatch *money.MismatchError
		require.ErrorAs(t, err, &mismatch)
		require.Equal(t, money.MismatchError{Found: "EUR", Want: "USD"}, *mismatch)
		require.ErrorIs(t, err, money.ErrMismatch)
	}
}

func TestMinor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text     string
		exponent int
		want     int64
		code     refusal.Code
	}{
		{"0", 2, 0, ""},
		{"-0", 2, 0, ""},
		{"12", 2, 1200, ""},
		{"12.5", 2, 1250, ""},
		{"12.50", 2, 1250, ""},
		{"-0.01", 2, -1, ""},
		{"007.10", 2, 710, ""},
		{"5000", 0, 5000, ""},
		{"1.234", 3, 1234, ""},
		{"0.0001", 4, 1, ""},
		{"90071992547409.91", 2, money.MaxMinor, ""},
		{"-90071992547409.91", 2, -money.MaxMinor, ""},
		{"9007199254740991", 0, money.MaxMinor, ""},
		{"9007199254740991", -1, money.MaxMinor, ""},
		{"0.009007199254740991", 19, money.MaxMinor, ""},

		{"90071992547409.92", 2, 0, money.ErrOverflow},
		{"-90071992547409.92", 2, 0, money.ErrOverflow},
		{"90071992547409.91", 3, 0, money.ErrOverflow},
		{"9223372036854775807", 0, 0, money.ErrOverflow},
		{"-9223372036854775808", 0, 0, money.ErrOverflow},
		{"-9223372036854775809", 0, 0, money.ErrOverflow},
		{strings.Repeat("9", 40), 0, 0, money.ErrOverflow},
		{"12.505", 2, 0, money.ErrPrecision},
		{"12.500", 2, 0, money.ErrPrecision},
		{"1.0", 0, 0, money.ErrPrecision},
		{"", 2, 0, money.ErrInvalidAmount},
		{"-", 2, 0, money.ErrInvalidAmount},
		{".", 2, 0, money.ErrInvalidAmount},
		{".5", 2, 0, money.ErrInvalidAmount},
		{"5.", 2, 0, money.ErrInvalidAmount},
		{"+5", 2, 0, money.ErrInvalidAmount},
		{"--5", 2, 0, money.ErrInvalidAmount},
		{" 5", 2, 0, money.ErrInvalidAmount},
		{"5 ", 2, 0, money.ErrInvalidAmount},
		{"1,000", 2, 0, money.ErrInvalidAmount},
		{"1_000", 2, 0, money.ErrInvalidAmount},
		{"1e3", 2, 0, money.ErrInvalidAmount},
		{"0x10", 2, 0, money.ErrInvalidAmount},
		{"1.2.3", 2, 0, money.ErrInvalidAmount},
		{"1.-2", 2, 0, money.ErrInvalidAmount},
		{"NaN", 2, 0, money.ErrInvalidAmount},
		{"٣", 2, 0, money.ErrInvalidAmount},
		{"1\x00", 2, 0, money.ErrInvalidAmount},
		{strings.Repeat("0", 41), 2, 0, money.ErrInvalidAmount},
	} {
		t.Run(fmt.Sprintf("%.12q %d", c.text, c.exponent), func(t *testing.T) {
			t.Parallel()
			minor, err := money.Decimal(c.text).Minor(c.exponent)
			if c.code == "" {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.code)
			}
			require.Equal(t, c.want, minor)
			_, sign := money.Decimal(c.text).Sign()
			for _, err := range []error{sign, money.Decimal(c.text).Check()} {
				require.Equal(t, c.code == money.ErrInvalidAmount, err != nil,
					"it is a decimal or not, whoever counts: %v", err)
			}
		})
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor    int64
		exponent int
		want     string
	}{
		{0, 0, "0"},
		{0, 2, "0.00"},
		{5, 2, "0.05"},
		{-5, 2, "-0.05"},
		{-1250, 2, "-12.50"},
		{1, 18, "0.000000000000000001"},
		{math.MaxInt64, 0, "9223372036854775807"},
		{math.MinInt64, 2, "-92233720368547758.08"},
		{math.MinInt64, 18, "-9.223372036854775808"},
		{7, -1, "7"},
		{7, 19, "0.000000000000000007"},
	} {
		require.Equal(t, c.want, money.Format(c.minor, c.exponent), "%d with %d digits", c.minor, c.exponent)
	}
}

func TestErrorsSayWhatWasFoundAndExpected(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1250 minor units of USD", money.Amount{Minor: 1250, Currency: "USD"}.String())
	require.Equal(t, "1.250 HRK", money.Amount{Minor: 1250, Currency: "HRK"}.Format(3),
		"withdrawn, and counted all the same")
	require.Equal(t, `7 minor units of "???"`, money.Amount{Minor: 7, Currency: "???"}.String())

	_, err := money.Currency("usd").Exponent()
	require.EqualError(t, err, `unknown currency "usd", expected a code of ISO 4217 such as USD`)
	_, err = money.Decimal(strings.Repeat("x", 50)).Minor(2)
	require.EqualError(t, err, `"`+strings.Repeat("x", 40)+`…" is not a decimal amount such as "12.50" or "-3"`)
	_, err = money.Decimal("0.001").Minor(2)
	require.EqualError(t, err, "0.001 has too many digits after the point, at most 2 fit: amounts are never rounded")
	_, err = money.Add(money.MaxMinor, 1)
	require.EqualError(t, err,
		"9007199254740991 + 1 is out of range: expected at most 9007199254740991 minor units "+
			"(2^53-1) on either side of 0")
	_, err = money.Amount{Currency: "HRK"}.Add(money.Amount{})
	require.EqualError(t, err, `the amount is in "", expected HRK: there is no conversion`)
}

func TestCurrencies(t *testing.T) {
	t.Parallel()
	for c, want := range map[money.Currency]int{"USD": 2, "JPY": 0, "KWD": 3, "CLF": 4} {
		exponent, err := c.Exponent()
		require.NoError(t, err)
		require.Equal(t, want, exponent)
	}
	for _, c := range []money.Currency{"", "usd", "XYZ", "HRK"} {
		_, err := c.Exponent()
		require.ErrorIs(t, err, money.ErrInvalidCurrency)
	}
}
