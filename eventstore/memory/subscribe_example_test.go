package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// credited returns an encoded event.
func credited(id string) eventstore.Record {
	return eventstore.Record{
		Header: event.Header{ID: id, Type: "AccountCredited", Revision: 1, Timestamp: time.Unix(1_700_000_000, 0)},
		Value:  []byte("an encoded event"),
	}
}

// A subscription handles what is stored, and then what is appended. The events of one aggregate
// come in order.
func ExampleStore_Subscribe() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx, account := context.Background(), eventstore.Stream{Category: "Account", ID: "a-1"}
	_, err = store.Append(ctx, eventstore.To(account, eventstore.NoStream, credited("e-1"), credited("e-2")))
	if err != nil {
		fmt.Println(err)
		return
	}
	handled := make(chan string)
	statements, err := store.Subscribe(ctx, subscription.Config{
		Group:    "statements",
		Category: "Account",
		Handler: func(_ context.Context, r eventstore.Record) error {
			handled <- r.ID
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-handled, <-handled)
	fmt.Println("closed:", statements.Close()) // waits for the handler
	fmt.Println("handled:", statements.Stats().Handled)
	// Output:
	// e-1 e-2
	// closed: <nil>
	// handled: 2
}

// An event that no attempt can handle is set aside, and the later events of its aggregate wait
// behind it. When somebody discards it, they go on.
func ExampleStore_DeadLetters() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	if err := discard(context.Background(), store); err != nil {
		fmt.Println(err)
	}
	// Output:
	// dead invalid input: no amount
	// discarded it was a test
	// handled e-2
}

func discard(ctx context.Context, store *memory.Store) error {
	account := eventstore.Stream{Category: "Account", ID: "a-1"}
	_, err := store.Append(ctx, eventstore.To(account, eventstore.NoStream, credited("e-1"), credited("e-2")))
	if err != nil {
		return err
	}
	handled := make(chan string)
	_, err = store.Subscribe(ctx, subscription.Config{
		Group:    "statements",
		Category: "Account",
		Handler: func(_ context.Context, r eventstore.Record) error {
			if r.ID == "e-1" {
				return fmt.Errorf("%w: no amount", eventstore.ErrInvalid) // there is no second attempt then
			}
			handled <- r.ID
			return nil
		},
	})
	if err != nil {
		return err
	}
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
	if err := letters.Discard(ctx, all[0].ID, "it was a test"); err != nil {
		return err
	}
	_, traces, err := letters.Show(ctx, all[0].ID)
	for _, t := range traces {
		fmt.Println(t.What, t.Note)
	}
	fmt.Println("handled", <-handled)
	return err
}

// A decision rests on what ReadQueued yields. Its commit is stored only if no other came between.
func ExampleStore_ReadQueued() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx, account := context.Background(), eventstore.Stream{Category: "Account", ID: "a-1"}
	records, end := store.ReadQueued(ctx, account.At(0))
	for _, err := range records { // apply each record to the state
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, id := range []string{"e-1", "e-2"} {
		result, err := store.Append(ctx, end.Commit(credited(id)))
		fmt.Println("version", result.Last(), err)
	}
	// Output:
	// version 1 <nil>
	// version 0 stream Account/a-1 is at version 1, expected 0: load it again and decide anew
}
