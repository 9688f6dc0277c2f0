// Package answer takes the answer for something else.
package answer

import (
	"context"

	"github.com/fencelog/fencelog/query"
)

type Balance struct{ Amount int64 }

type GetBalance struct{ query.Returns[Balance] }

func use(ctx context.Context, b *query.Bus) (string, error) {
	return query.Ask(ctx, b, GetBalance{})
}

var _ = use
