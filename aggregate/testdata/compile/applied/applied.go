// Package applied applies an event of another aggregate.
package applied

import "github.com/fencelog/fencelog/aggregate/testdata/compile/shop"

var _ = shop.Shops.FromEvents("s-1", shop.Added{})
