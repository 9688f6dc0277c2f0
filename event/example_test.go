package event_test

import (
	"context"
	"fmt"
	"reflect"

	"github.com/fencelog/fencelog/event"
)

type AccountCreated struct{ OwnerID string }

func ExampleBus() {
	types, err := event.NewTypes(event.Type{
		Category: "Account", Name: "AccountCreated", Go: reflect.TypeFor[AccountCreated](),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	bus := event.NewBus(types, event.BusConfig{})

	err = event.Subscribe(bus, func(ctx context.Context, e event.Envelope[AccountCreated]) error {
		fmt.Println(e.AggregateID, "belongs to", e.Event.OwnerID)
		fmt.Println("what follows is caused by", event.CauseFrom(ctx).CausationID)
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	err = bus.Publish(context.Background(), event.Envelope[any]{
		Header: event.Header{ID: "event-1", Type: "AccountCreated", Category: "Account", AggregateID: "account-1"},
		Event:  AccountCreated{OwnerID: "user-1"},
	})
	fmt.Println(err)
	// Output:
	// account-1 belongs to user-1
	// what follows is caused by event-1
	// <nil>
}

func ExampleNewTypes() {
	_, err := event.NewTypes(
		event.Type{Category: "Account", Name: "AccountCreated", Go: reflect.TypeFor[AccountCreated]()},
		event.Type{Category: "Account", Name: "AccountOpened", Go: reflect.TypeFor[AccountCreated]()},
		event.Type{Category: "Account", Name: "AccountClosed", Go: reflect.TypeFor[string]()},
	)
	fmt.Println(err)
	// Output:
	// event type event_test.AccountCreated: has two names, Account.AccountCreated and Account.AccountOpened; keep one
	// event type Account.AccountClosed: string is a string; an event is a plain struct, passed by value
}

// A handler of all events, such as one that counts, needs no Go types.
func ExampleBus_SubscribeAll() {
	bus := event.NewBus(nil, event.BusConfig{})
	counts := make(map[string]int)
	bus.SubscribeAll(func(_ context.Context, e event.Envelope[any]) error {
		counts[e.Type]++
		return nil
	})
	for range 2 {
		err := bus.Publish(context.Background(), event.Envelope[any]{
			Header: event.Header{ID: "event-1", Type: "AccountCreated", Category: "Account", AggregateID: "account-1"},
			Event:  AccountCreated{OwnerID: "user-1"},
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(counts)
	// Output: map[AccountCreated:2]
}

// A reader of stored events acts under the event's cause. The commands that it dispatches belong to
// the same conversation.
func ExampleWithCause() {
	header := event.Header{ID: "event-1", CorrelationID: "request-7", ActorID: "user-1"}
	ctx := event.WithCause(context.Background(), header.Cause())
	cause := event.CauseFrom(ctx)
	fmt.Println(cause.CorrelationID, cause.CausationID, cause.ActorID)
	// Output: request-7 event-1 user-1
}

// The stored name of a type stays when the Go type gets another name.
func ExampleTypes() {
	type AccountOpened struct{ OwnerID string } // it was called AccountCreated when the first one was stored
	types, err := event.NewTypes(
		event.Type{Category: "Account", Name: "AccountCreated", Go: reflect.TypeFor[AccountOpened]()},
		event.Type{Category: "Account", Name: "AccountClosed", Go: reflect.TypeFor[struct{}]()})
	if err != nil {
		fmt.Println(err)
		return
	}
	stored, known := types.Of(reflect.TypeOf(AccountOpened{}))
	fmt.Println("stored as", stored.Name, known)
	read, known := types.Named("Account", "AccountCreated")
	fmt.Println("read as", read.Go, known)
	_, known = types.Named("Account", "AccountSold")
	fmt.Println("AccountSold is known:", known)
	for _, t := range types.All() {
		fmt.Println(t.Category, t.Name)
	}
	// Output:
	// stored as AccountCreated true
	// read as event_test.AccountOpened true
	// AccountSold is known: false
	// Account AccountClosed
	// Account AccountCreated
}
