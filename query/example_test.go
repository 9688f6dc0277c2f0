package query_test

import (
	"context"
	"fmt"

	"github.com/fencelog/fencelog/query"
)

type Balance struct{ Amount int64 }

type GetBalance struct {
	query.Returns[Balance]
	AccountID string
}

func Example() {
	balances := map[string]int64{"a-1": 42}
	queries := query.NewBus(query.Config{})
	err := query.Register(queries, func(_ context.Context, q GetBalance) (Balance, error) {
		return Balance{Amount: balances[q.AccountID]}, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	balance, err := query.Ask(context.Background(), queries, GetBalance{AccountID: "a-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(balance.Amount) // a Balance, known to the compiler
	// Output: 42
}
