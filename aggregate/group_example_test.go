package aggregate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
)

// The handler of a command over several aggregates is one line. A command that is dispatched again
// returns what it did to all of them.
func ExampleHandleAll() {
	ctx := context.Background()
	tills, err := newTills(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	bus := command.NewBus(command.Config{})
	if err := command.Register(bus, aggregate.HandleAll(tills, Transfer.Decide)); err != nil {
		fmt.Println(err)
		return
	}
	_, err = bus.Dispatch(ctx, Transfer{From: "berlin/1", To: "berlin/2", Amount: 30})
	fmt.Println(err)
	for range 2 {
		done, err := bus.Dispatch(ctx, Transfer{From: "berlin/1", To: "berlin/2"}, command.WithID("transfer-1"))
		fmt.Println(len(done.Events), "events, repeated:", done.Repeated, err)
	}
	// Output:
	// insufficient funds
	// 2 events, repeated: false <nil>
	// 2 events, repeated: true <nil>
}

// A change is what a decision does to one aggregate.
func ExampleOn() {
	change := aggregate.On("berlin/1", Debited{7}, Credited{5})
	fmt.Println(change.ID, change.Events)
	// Output: berlin/1 [{7} {5}]
}

// A transfer is taken back if it was made.
func ExampleGroup_Applied() {
	ctx := context.Background()
	tills, err := newTills(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	takeBack := func(g *aggregate.Group[Till]) ([]aggregate.Change[Till], error) {
		if !g.Applied("berlin/1", "transfer-1") {
			return nil, errors.New("no such transfer")
		}
		return []aggregate.Change[Till]{
			aggregate.On("berlin/2", Debited{30}),
			aggregate.On("berlin/1", Credited{30}),
		}, nil
	}
	_, err = tills.UpdateAll(ctx, takeBack)
	fmt.Println(err)

	byCommand := event.WithCause(ctx, event.Cause{CommandID: "transfer-1"})
	_, err = tills.UpdateAll(byCommand, func(*aggregate.Group[Till]) ([]aggregate.Change[Till], error) {
		return []aggregate.Change[Till]{
			aggregate.On("berlin/1", Debited{30}),
			aggregate.On("berlin/2", Credited{30}),
		}, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := tills.UpdateAll(ctx, takeBack)
	fmt.Println(len(done.Events), "events", err)
	// Output:
	// no such transfer
	// 2 events <nil>
}

// A test kit answers for the store. Package aggregatetest has one.
func ExampleNewGroup() {
	group := aggregate.NewGroup(
		func(string) Till { return Till{Balance: 20} },
		func(string, string) bool { return false })
	_, err := Transfer{From: "berlin/1", To: "berlin/2", Amount: 30}.Decide(group)
	fmt.Println(err)
	// Output: insufficient funds
}
