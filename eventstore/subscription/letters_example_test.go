package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// A transfer writes to several accounts of one bank, and the handler fails with one of the events.
// By partition key, all later events of the bank wait behind it. The letter shows what became of
// the others of its commit.
func ExampleDeadLetters() {
	store, err := memory.New(memory.Config{
		Categories:    []string{"Account"},
		PartitionKeys: map[string]eventstore.PartitionKey{"Account": eventstore.BeforeSlash},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	if err := transfer(context.Background(), store); err != nil {
		fmt.Println(err)
	}
	// Output:
	// AccountCredited of acme/bob, event 2 of 3: no printer
	// acme waits behind it
	// - version 1 of Account/acme/alice: handled
	// - version 1 of Account/acme/fees: waiting
}

func transfer(ctx context.Context, store *memory.Store) error {
	booked := func(id, eventType string) eventstore.Commit {
		account := eventstore.Stream{Category: "Account", ID: id}
		return eventstore.To(account, eventstore.NoStream, eventstore.Record{
			Header: event.Header{ID: "e-" + id, Type: eventType, Revision: 1, Timestamp: time.Unix(1_700_000_000, 0)},
			Value:  []byte("an encoded event"),
		})
	}
	_, err := store.Append(ctx, eventstore.Join(
		booked("acme/alice", "AccountDebited"), booked("acme/bob", "AccountCredited"),
		booked("acme/fees", "FeeCharged"),
	))
	if err != nil {
		return err
	}
	_, err = store.Subscribe(ctx, subscription.Config{
		Group:    "statements",
		Category: "Account",
		Handler: func(_ context.Context, r eventstore.Record) error {
			if strings.HasSuffix(r.AggregateID, "/bob") {
				return errors.New("no printer")
			}
			return nil
		},
		Order: subscription.ByPartitionKey,
		Retry: subscription.Retry{Attempts: 2, First: 10 * time.Millisecond},
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
	for len(all) < 2 { // they may not be there yet
		if all, err = letters.List(ctx, "statements"); err != nil {
			return err
		}
	}
	found, _, err := letters.Show(ctx, all[0].ID)
	if err != nil {
		return err
	}
	part := found.Commit
	fmt.Printf("%s of %s, event %d of %d: %s\n", found.Type, found.AggregateID, part.Index, part.Size, all[0].Error)
	fmt.Println(all[0].Key, "waits behind it")
	for _, other := range found.Others {
		fmt.Printf("- version %d of %s: %s\n", other.Version, other.Stream, other.State)
	}
	return nil
}
