// Package forgotten declares more events than its aggregate types list.
package forgotten

import (
	"github.com/fencelog/fencelog/aggregate"
	elsewhere "github.com/fencelog/fencelog/aggregate/aggregatetest/testdata/forgotten/state"
)

type Account struct{ Balance int64 }

type alias = Account

type Opened struct{}

func (Opened) EventType() string { return "Opened" }
func (Opened) Apply(*Account)    {}

// Credited is forgotten.
type Credited struct{ Amount int64 }

func (Credited) EventType() string  { return "Credited" }
func (e Credited) Apply(a *Account) { a.Balance += e.Amount }

// Debited is forgotten, and Apply names the state by an alias.
type Debited struct{ Amount int64 }

func (Debited) EventType() string { return "Debited" }
func (e *Debited) Apply(a *alias) { a.Balance -= e.Amount }

// Renamed is forgotten, and has its methods by embedding.
type Renamed struct{ Opened }

// Other is no event of Account.
type Other struct{}

func (Other) EventType() string { return "Other" }
func (Other) Apply(*Other)      {}

// patch is no event, but has a method of an event.
type patch func(*Account)

func (p patch) Apply(a *Account) { p(a) }

// anyEvent is an interface.
type anyEvent interface{ aggregate.Event[Account] }

// ShopOpened is an event of a state that another package declares.
type ShopOpened struct{}

func (ShopOpened) EventType() string          { return "ShopOpened" }
func (ShopOpened) Apply(shop *elsewhere.Shop) { shop.Open = true }

// ShopClosed is forgotten.
type ShopClosed struct{}

func (ShopClosed) EventType() string          { return "ShopClosed" }
func (ShopClosed) Apply(shop *elsewhere.Shop) { shop.Open = false }

var (
	Accounts = aggregate.NewType("Account", Opened{})
	Shops    = aggregate.NewType("Shop", ShopOpened{})

	_ anyEvent = Opened{}
	_          = patch(nil)
)
