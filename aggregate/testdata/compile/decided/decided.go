// Package decided decides an event of another aggregate.
package decided

import (
	"context"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/testdata/compile/shop"
)

func use(ctx context.Context, r *aggregate.Repository[shop.Shop]) error {
	_, err := r.Update(ctx, "s-1", func(shop.Shop) ([]aggregate.Event[shop.Shop], error) {
		return []aggregate.Event[shop.Shop]{shop.Added{}}, nil
	})
	return err
}

var _ = use
