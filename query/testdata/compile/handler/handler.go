// Package handler answers a query with something else than it says.
package handler

import (
	"context"

	"github.com/fencelog/fencelog/query"
)

type Balance struct{ Amount int64 }

type GetBalance struct{ query.Returns[Balance] }

func use(b *query.Bus) error {
	return query.Register(b, func(context.Context, GetBalance) (string, error) { return "", nil })
}

var _ = use
