// Package ok compiles: it differs from its neighbours in nothing but what they get wrong.
package ok

import (
	"context"

	"github.com/fencelog/fencelog/query"
)

type Balance struct{ Amount int64 }

type GetBalance struct{ query.Returns[Balance] }

func use(ctx context.Context, b *query.Bus) (int64, error) {
	err := query.Register(b, func(context.Context, GetBalance) (Balance, error) { return Balance{}, nil })
	if err != nil {
		return 0, err
	}
	balance, err := query.Ask(ctx, b, GetBalance{})
	return balance.Amount, err
}

var _ = use
