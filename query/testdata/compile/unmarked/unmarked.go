// Package unmarked asks a query that does not say what it returns.
package unmarked

import (
	"context"

	"github.com/fencelog/fencelog/query"
)

type GetBalance struct{}

func use(ctx context.Context, b *query.Bus) error {
	_, err := query.Ask(ctx, b, GetBalance{})
	return err
}

var _ = use
