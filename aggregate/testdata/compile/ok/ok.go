// Package ok compiles: it differs from its neighbours in nothing but what they get wrong.
package ok

import (
	"context"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/testdata/compile/shop"
	"github.com/fencelog/fencelog/eventstore"
)

var shops = aggregate.NewType("Shop", shop.Opened{})

func use(ctx context.Context, r *aggregate.Repository[shop.Shop]) (eventstore.Outcome, error) {
	root := shops.FromEvents("s-1", shop.Opened{})
	if err := root.Apply(shop.Opened{}); err != nil {
		return eventstore.Outcome{}, err
	}
	if done, err := r.Save(ctx, root); err != nil {
		return done, err
	}
	all := aggregate.HandleAll(r, move.Decide)
	if done, err := all(ctx, move{}); err != nil {
		return done, err
	}
	return r.Update(ctx, "s-1", func(shop.Shop) ([]aggregate.Event[shop.Shop], error) {
		return []aggregate.Event[shop.Shop]{shop.Opened{}}, nil
	})
}

type move struct{}

func (move) Decide(*aggregate.Group[shop.Shop]) ([]aggregate.Change[shop.Shop], error) {
	return []aggregate.Change[shop.Shop]{aggregate.On("s-1", shop.Opened{})}, nil
}

var _ = use
