// Package shop has two aggregates with an event each.
package shop

import "github.com/fencelog/fencelog/aggregate"

type Shop struct{ Open bool }

type Opened struct{}

func (Opened) EventType() string { return "Opened" }
func (Opened) Apply(s *Shop)     { s.Open = true }

type Cart struct{ Items int }

type Added struct{}

func (Added) EventType() string { return "Added" }
func (Added) Apply(c *Cart)     { c.Items++ }

// Nameless has no durable name.
type Nameless struct{}

func (Nameless) Apply(*Shop) {}

var Shops = aggregate.NewType("Shop", Opened{})
