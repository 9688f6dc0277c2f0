package money_test

import (
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/billing/money"
)

func Example() {
	price, err := money.Parse("12.50", "USD")
	if err != nil {
		fmt.Println(err)
		return
	}
	total, err := price.Add(money.Amount{Minor: 99, Currency: "USD"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(total)
	// Output: 13.49 USD
}

func ExampleParse_neverRounds() {
	_, err := money.Parse("0.125", "USD")
	fmt.Println(errors.Is(err, money.ErrPrecision))
	fmt.Println(err)
	// Output:
	// true
	// 0.125 has too many digits after the point, at most 2 fit: amounts are never rounded
}
