// Package applied applies an event of another aggregate.
package applied

import "github.com/fencelog/fencelog/aggregate/testdata/compile/shop"

var _ = shop.Shops.New("s-1").Apply(shop.Added{})
