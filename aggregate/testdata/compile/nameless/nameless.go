// Package nameless lists an event without a durable name.
package nameless

import (
	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/testdata/compile/shop"
)

var _ = aggregate.NewType("Shop", shop.Opened{}, shop.Nameless{})
