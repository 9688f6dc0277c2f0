package query_test

import (
	"context"
	"errors"
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

func ExampleMiddleware() {
	cache := make(map[any]any)
	cached := func(next query.Handler) query.Handler {
		return func(ctx context.Context, q any) (any, error) {
			if answer, ok := cache[q]; ok {
				return answer, nil
			}
			answer, err := next(ctx, q)
			if err == nil {
				cache[q] = answer
			}
			return answer, err
		}
	}
	queries := query.NewBus(query.Config{Middleware: []query.Middleware{cached}})
	err := query.Register(queries, func(_ context.Context, q GetBalance) (Balance, error) {
		fmt.Println("asked for", q.AccountID)
		return Balance{Amount: 42}, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		balance, err := query.Ask(context.Background(), queries, GetBalance{AccountID: "a-1"})
		fmt.Println(balance.Amount, err)
	}
	// Output:
	// asked for a-1
	// 42 <nil>
	// 42 <nil>
}

func ExampleMetadataFrom() {
	queries := query.NewBus(query.Config{})
	err := query.Register(queries, func(ctx context.Context, q GetBalance) (Balance, error) {
		md, _ := query.MetadataFrom(ctx)
		fmt.Printf("%s: %s asks for %s in conversation %s\n", md.ID, md.ActorID, q.AccountID, md.CorrelationID)
		return Balance{}, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = query.Ask(context.Background(), queries, GetBalance{AccountID: "a-1"},
		query.WithID("q-1"), query.WithActor("user-1"), query.WithCorrelationID("request-7"))
	fmt.Println(err)
	// Output:
	// q-1: user-1 asks for a-1 in conversation request-7
	// <nil>
}

func ExampleUnknownError() {
	queries := query.NewBus(query.Config{})
	_, err := query.Ask(context.Background(), queries, GetBalance{AccountID: "a-1"})
	fmt.Println(errors.Is(err, query.ErrUnknown))
	// Output: true
}
