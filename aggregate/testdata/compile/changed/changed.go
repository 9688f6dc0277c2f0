// Package changed changes an aggregate by an event of another one.
package changed

import (
	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/testdata/compile/shop"
)

func move(*aggregate.Group[shop.Shop]) ([]aggregate.Change[shop.Shop], error) {
	return []aggregate.Change[shop.Shop]{aggregate.On("s-1", shop.Added{})}, nil
}

var _ = move
