package money_test

import (
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/billing/money"
)

func Example() {
	exponent, err := money.Currency("USD").Exponent() // once, when counting begins
	if err != nil {
		fmt.Println(err)
		return
	}
	minor, err := money.Decimal("12.50").Minor(exponent)
	if err != nil {
		fmt.Println(err)
		return
	}
	price := money.Amount{Minor: minor, Currency: "USD"}
	total, err := price.Add(money.Amount{Minor: 99, Currency: "USD"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(total.Format(exponent))
	// Output: 13.49 USD
}

func ExampleDecimal_Minor_neverRounds() {
	_, err := money.Decimal("0.125").Minor(2)
	fmt.Println(errors.Is(err, money.ErrPrecision))
	fmt.Println(err)
	// Output:
	// true
	// 0.125 has too many digits after the point, at most 2 fit: amounts are never rounded
}

// A refund is the payment with the other sign. Amounts of two currencies have no difference.
func ExampleAmount_Sub() {
	paid := money.Amount{Minor: 12_50, Currency: "USD"}
	refund, err := paid.Neg()
	fmt.Println(refund.Format(2), err)

	rest, err := paid.Sub(money.Amount{Minor: 2_50, Currency: "USD"})
	fmt.Println(rest.Format(2), err)
	_, err = paid.Sub(money.Amount{Minor: 2_50, Currency: "EUR"})
	fmt.Println(errors.Is(err, money.ErrMismatch), err)
	// Output:
	// -12.50 USD <nil>
	// 10.00 USD <nil>
	// true the amount is in EUR, expected USD: there is no conversion
}

// A sum that does not fit is an error, and never a wrong number.
func ExampleSub() {
	fmt.Println(money.Sub(100, 250))
	_, err := money.Sub(-money.MaxMinor, 1)
	fmt.Println(errors.Is(err, money.ErrOverflow))
	// Output:
	// -150 <nil>
	// true
}

// A form checks what a person typed before it knows the currency.
func ExampleDecimal_Sign() {
	for _, typed := range []money.Decimal{"12.50", "-3", "0.00", "1e3"} {
		if err := typed.Check(); err != nil {
			fmt.Println(err)
			continue
		}
		sign, err := typed.Sign()
		fmt.Println(typed, sign, err)
	}
	// Output:
	// 12.50 1 <nil>
	// -3 -1 <nil>
	// 0.00 0 <nil>
	// "1e3" is not a decimal amount such as "12.50" or "-3"
}
