package aggregate_test

import (
	"context"
	"fmt"
	"maps"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// Cart is a state that refers to a map.
type Cart struct{ Lines map[string]int }

// Clone returns a copy: what an event does to the one does not change the other.
func (c Cart) Clone() Cart {
	c.Lines = maps.Clone(c.Lines)
	return c
}

// ItemAdded is its event.
type ItemAdded struct{ Item string }

func (ItemAdded) EventType() string { return "ItemAdded" }

func (e ItemAdded) Apply(c *Cart) {
	if c.Lines == nil {
		c.Lines = make(map[string]int)
	}
	c.Lines[e.Item]++
}

func addApple(Cart) ([]aggregate.Event[Cart], error) {
	return []aggregate.Event[Cart]{ItemAdded{Item: "apple"}}, nil
}

// The second load begins with the state of the first one, and reads what has come since.
func ExampleCache() {
	store, err := memory.New(memory.Config{Categories: []string{"Cart"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	carts, err := aggregate.NewRepository(ctx, aggregate.NewType("Cart", ItemAdded{}), store, jsoncodec.Codec{},
		aggregate.Config{
			Cache: aggregate.Cache{MaxBytes: 256 << 20},
			Hooks: aggregate.Hooks{Loaded: func(_ context.Context, l aggregate.Loaded) {
				fmt.Printf("from %s, folded %d events, at version %d\n", l.From, l.Folded, l.Version)
			}},
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		if _, err := carts.Update(ctx, "c-1", addApple); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("states in memory:", carts.Cached().States)
	// Output:
	// from start, folded 0 events, at version 0
	// from cache, folded 0 events, at version 1
	// states in memory: 1
}

// The first load after a start begins with a snapshot.
func ExampleSnapshots() {
	ctx := context.Background()
	store, err := memory.New(memory.Config{Categories: []string{"Cart"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 { // as a service that is started again
		if err := add250Apples(ctx, store); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// the first load was from start, folded 0 events, at version 0
	// the first load was from snapshot, folded 50 events, at version 250
}

func add250Apples(ctx context.Context, store eventstore.Store) error {
	var first *aggregate.Loaded
	carts, err := aggregate.NewRepository(ctx, aggregate.NewType("Cart", ItemAdded{}), store, jsoncodec.Codec{},
		aggregate.Config{
			Snapshots: aggregate.Snapshots{Every: 100},
			Hooks: aggregate.Hooks{Loaded: func(_ context.Context, l aggregate.Loaded) {
				if first == nil {
					first = &l
				}
			}},
		})
	if err != nil {
		return err
	}
	for range 250 {
		if _, err := carts.Update(ctx, "c-1", addApple); err != nil {
			return err
		}
	}
	fmt.Printf("the first load was from %s, folded %d events, at version %d\n", first.From, first.Folded, first.Version)
	return nil
}
