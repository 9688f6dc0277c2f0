package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// The members of a group are handed the events of a category. An event that the handler cannot
// handle is set aside, and only its aggregate waits for it, until somebody looks after it.
func Example() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}}) // or kafka.Open
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close() // closes its subscriptions, too
	if err := statements(context.Background(), store); err != nil {
		fmt.Println(err)
	}
	// Output:
	// handled e-2 of bob
	// set aside: e-1 of alice after 2 attempts: no printer
	// handled e-1 of alice
}

func statements(ctx context.Context, store interface {
	eventstore.Store
	subscription.Source
},
) error {
	for i, id := range []string{"alice", "bob"} {
		account := eventstore.Stream{Category: "Account", ID: id}
		_, err := store.Append(ctx, eventstore.To(account, eventstore.NoStream, eventstore.Record{
			Header: event.Header{
				ID: fmt.Sprint("e-", i+1), Type: "AccountCreated", Revision: 1, Timestamp: time.Unix(1_700_000_000, 0),
			},
			Value: []byte("an encoded event"),
		}))
		if err != nil {
			return err
		}
	}

	var printer atomic.Bool
	handled := make(chan struct{})
	_, err := store.Subscribe(ctx, subscription.Config{
		Group:    "statements",
		Category: "Account",
		Handler: func(_ context.Context,
			r eventstore.Record,
		) error { // a repository's Handler makes one of decoded events
			if r.AggregateID == "alice" && !printer.Load() {
				return errors.New("no printer")
			}
			fmt.Println("handled", r.ID, "of", r.AggregateID)
			handled <- struct{}{}
			return nil
		},
		Retry: subscription.Retry{Attempts: 2, First: 10 * time.Millisecond},
	})
	if err != nil {
		return err
	}
	<-handled

	letters, err := store.DeadLetters(ctx)
	if err != nil {
		return err
	}
	defer letters.Close()
	var all []subscription.Letter
	for len(all) == 0 { // it may not be there yet
		if all, err = letters.List(ctx, "statements"); err != nil {
			return err
		}
	}
	letter := all[0]
	stored, _, err := letters.Show(ctx, letter.ID)
	if err != nil {
		return err
	}
	fmt.Printf("set aside: %s of %s after %d attempts: %s\n", stored.ID, letter.Key, letter.Attempts, letter.Error)
	printer.Store(true)
	if err := letters.Redrive(ctx, letter.ID, "there is a printer now"); err != nil {
		return err
	}
	<-handled
	return nil
}
