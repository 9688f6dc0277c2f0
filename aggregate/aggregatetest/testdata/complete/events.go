// Package complete lists all its events.
package complete

import "github.com/fencelog/fencelog/aggregate"

type Account[T any] struct{ Balance T }

type Opened struct{}

func (Opened) EventType() string     { return "Opened" }
func (Opened) Apply(*Account[int64]) {}

type Set[T any] struct{ Balance T }

func (Set[T]) EventType() string     { return "Set" }
func (e Set[T]) Apply(a *Account[T]) { a.Balance = e.Balance }

var Accounts = aggregate.NewType("Account", Opened{}, Set[int64]{})
