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
