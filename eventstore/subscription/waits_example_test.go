package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// A health check asks a subscription what it waits for.
func ExampleSubscription() {
	ctx := context.Background()
	store, err := memory.New(memory.Config{Categories: []string{"Account"}, Partitions: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	alice := eventstore.Stream{Category: "Account", ID: "alice"}
	_, err = store.Append(ctx, eventstore.To(alice, eventstore.NoStream, eventstore.Record{
		Header: event.Header{ID: "e-1", Type: "AccountCreated", Revision: 1, Timestamp: time.Unix(1_700_000_000, 0)},
		Value:  []byte("an encoded event"),
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	statements, err := store.Subscribe(ctx, subscription.Config{
		Group:    "statements",
		Category: "Account",
		Handler:  func(context.Context, eventstore.Record) error { return errors.New("no printer") },
		Retry:    subscription.Retry{First: time.Hour, Longest: time.Hour},
		LongWait: time.Nanosecond, // in a service the default, some seconds
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer statements.Close()
	var waits []subscription.Wait
	for len(waits) == 0 || waits[0].Err == nil { // until the handler has failed
		waits = statements.Waits()
	}
	longest := waits[0]
	fmt.Println(longest.EventID, "of", longest.Key, "waits for", longest.For, "-", longest.Err)
	fmt.Println("handled", statements.Stats().Handled, "and stopped by", statements.Err())
	// Output:
	// e-1 of alice waits for the handler, which fails with the event - no printer
	// handled 0 and stopped by <nil>
}

// A tool is given the id of a dead letter as text.
func ExampleParseLetterID() {
	id, err := subscription.ParseLetterID("statements/Account/2/17")
	fmt.Println(id.Handler, id.Topic, id.Partition, id.Offset, err)
	fmt.Println(id)

	_, err = subscription.ParseLetterID("statements")
	fmt.Println(err)
	// Output:
	// statements Account 2 17 <nil>
	// statements/Account/2/17
	// dead letter id "statements": expected handler/topic/partition/offset
}
