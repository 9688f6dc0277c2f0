package money_test

import (
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
	return rapid.Map(rapid.SampledFrom(currency.GetCurrencyCodes()), func(c string) money.Currency { return money.Currency(c) })
}

func amounts() *rapid.Generator[money.Amount] {
	return rapid.Custom(func(t *rapid.T) money.Amount {
		return money.Amount{Minor: minors().Draw(t, "minor"), Currency: codes().Draw(t, "currency")}
	})
}

// minors are whole numbers, often near the bounds of 64 bits.
func minors() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64(),
		rapid.Int64Range(-1000, 1000),
		rapid.Int64Range(math.MaxInt64-10, math.MaxInt64),
		rapid.Int64Range(math.MinInt64, math.MinInt64+10),
	)
}

func TestParseReadsWhatFormatWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := amounts().Draw(t, "amount")
		parsed, err := money.Parse(a.Decimal(), a.Currency)
		require.NoError(t, err)
		require.Equal(t, a, parsed)

		exponent := rapid.IntRange(0, 18).Draw(t, "exponent")
		minor, err := money.ParseAt(money.Format(a.Minor, exponent), exponent)
		require.NoError(t, err)
		require.Equal(t, a.Minor, minor)
	})
}

// The library of the currency table reads and writes decimals too, by another way: both must agree.
func TestDecimalsAgreeWithTheLibraryOfTheTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := amounts().Draw(t, "amount")
		other, err := currency.NewAmountFromInt64(a.Minor, string(a.Currency))
		require.NoError(t, err)
		require.Equal(t, other.Number(), a.Decimal())
		read, err := currency.NewAmount(a.Decimal(), string(a.Currency))
		require.NoError(t, err)
		minor, err := read.Int64()
		require.NoError(t, err)
		require.Equal(t, a.Minor, minor)
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
		if err == nil {
			back, err := sum.Sub(b)
			require.NoError(t, err, "what was added can be taken again")
			require.Equal(t, a, back)
		}
		difference, err := a.Sub(b)
		exact(t, new(big.Int).Sub(big.NewInt(a.Minor), big.NewInt(b.Minor)), difference, err, c)
		opposite, err := a.Neg()
		exact(t, new(big.Int).Neg(big.NewInt(a.Minor)), opposite, err, c)
	})
}

// exact expects the true result, or an overflow if 64 bits do not hold it.
func exact(t *rapid.T, want *big.Int, got money.Amount, err error, c money.Currency) {
	t.Helper()
	if !want.IsInt64() {
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

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text     string
		currency money.Currency
		want     int64
		code     refusal.Code
	}{
		{"0", "USD", 0, ""},
		{"-0", "USD", 0, ""},
		{"12", "USD", 1200, ""},
		{"12.5", "USD", 1250, ""},
		{"12.50", "USD", 1250, ""},
		{"-0.01", "USD", -1, ""},
		{"007.10", "USD", 710, ""},
		{"5000", "JPY", 5000, ""},
		{"1.234", "KWD", 1234, ""},
		{"0.0001", "CLF", 1, ""},
		{"92233720368547758.07", "USD", math.MaxInt64, ""},
		{"-92233720368547758.08", "USD", math.MinInt64, ""},

		{"92233720368547758.08", "USD", 0, money.ErrOverflow},
		{"-92233720368547758.09", "USD", 0, money.ErrOverflow},
		{strings.Repeat("9", 40), "JPY", 0, money.ErrOverflow},
		{"12.505", "USD", 0, money.ErrPrecision},
		{"12.500", "USD", 0, money.ErrPrecision},
		{"1.0", "JPY", 0, money.ErrPrecision},
		{"1", "usd", 0, money.ErrInvalidCurrency},
		{"1", "", 0, money.ErrInvalidCurrency},
		{"1", "XYZ", 0, money.ErrInvalidCurrency},
		{"", "USD", 0, money.ErrInvalidAmount},
		{"-", "USD", 0, money.ErrInvalidAmount},
		{".", "USD", 0, money.ErrInvalidAmount},
		{".5", "USD", 0, money.ErrInvalidAmount},
		{"5.", "USD", 0, money.ErrInvalidAmount},
		{"+5", "USD", 0, money.ErrInvalidAmount},
		{"--5", "USD", 0, money.ErrInvalidAmount},
		{" 5", "USD", 0, money.ErrInvalidAmount},
		{"5 ", "USD", 0, money.ErrInvalidAmount},
		{"1,000", "USD", 0, money.ErrInvalidAmount},
		{"1_000", "USD", 0, money.ErrInvalidAmount},
		{"1e3", "USD", 0, money.ErrInvalidAmount},
		{"0x10", "USD", 0, money.ErrInvalidAmount},
		{"1.2.3", "USD", 0, money.ErrInvalidAmount},
		{"1.-2", "USD", 0, money.ErrInvalidAmount},
		{"NaN", "USD", 0, money.ErrInvalidAmount},
		{"٣", "USD", 0, money.ErrInvalidAmount},
		{"1\x00", "USD", 0, money.ErrInvalidAmount},
		{strings.Repeat("0", 41), "USD", 0, money.ErrInvalidAmount},
	} {
		t.Run(fmt.Sprintf("%.12q %s", c.text, c.currency), func(t *testing.T) {
			t.Parallel()
			a, err := money.Parse(c.text, c.currency)
			if c.code != "" {
				require.ErrorIs(t, err, c.code)
				require.Zero(t, a)
				return
			}
			require.NoError(t, err)
			require.Equal(t, money.Amount{Minor: c.want, Currency: c.currency}, a)
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

func TestMinorAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount   money.Amount
		exponent int
		want     int64
		code     refusal.Code
	}{
		{money.Amount{Minor: 1250, Currency: "USD"}, 2, 1250, ""},
		{money.Amount{Minor: 1250, Currency: "USD"}, 4, 125_000, ""},
		{money.Amount{Minor: 1250, Currency: "USD"}, 1, 125, ""},
		{money.Amount{Minor: -1250, Currency: "USD"}, 1, -125, ""},
		{money.Amount{Minor: 1250, Currency: "USD"}, 0, 0, money.ErrPrecision},
		{money.Amount{Minor: math.MaxInt64, Currency: "USD"}, 3, 0, money.ErrOverflow},
		{money.Amount{Minor: math.MinInt64, Currency: "USD"}, 3, 0, money.ErrOverflow},
		{money.Amount{Minor: 1, Currency: "???"}, 2, 0, money.ErrInvalidCurrency},
	} {
		minor, err := c.amount.MinorAt(c.exponent)
		require.Equal(t, c.want, minor, "%s with %d digits", c.amount, c.exponent)
		if c.code == "" {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, c.code)
		}
	}
}

func TestErrorsSayWhatWasFoundAndExpected(t *testing.T) {
	t.Parallel()
	require.Equal(t, "12.50 USD", money.Amount{Minor: 1250, Currency: "USD"}.String())
	require.Equal(t, `7 minor units of "???"`, money.Amount{Minor: 7, Currency: "???"}.String())

	_, err := money.Parse("1", "usd")
	require.EqualError(t, err, `unknown currency "usd", expected a code of ISO 4217 such as USD`)
	_, err = money.Parse(strings.Repeat("x", 50), "USD")
	require.EqualError(t, err, `"`+strings.Repeat("x", 40)+`…" is not a decimal amount such as "12.50" or "-3"`)
	_, err = money.Parse("0.001", "USD")
	require.EqualError(t, err, "0.001 has too many digits after the point, at most 2 fit: amounts are never rounded")
	_, err = money.Add(math.MaxInt64, 1)
	require.EqualError(t, err, "9223372036854775807 + 1 is out of range: 64 bits hold it only from -2^63 to 2^63-1 minor units")
	_, err = money.Amount{Currency: "USD"}.Add(money.Amount{})
	require.EqualError(t, err, `the amount is in "", expected USD: there is no conversion`)
}
