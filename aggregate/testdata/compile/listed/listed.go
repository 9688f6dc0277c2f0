// Package listed lists an event of another aggregate.
package listed

import (
	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/testdata/compile/shop"
)

var _ = aggregate.NewType("Shop", shop.Opened{}, shop.Added{})
