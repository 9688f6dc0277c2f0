package memory_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

func Example() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx, account := context.Background(), eventstore.Stream{Category: "Account", ID: "a-1"}
	opened := eventstore.Record{
		Header: event.Header{ID: "e-1", Type: "AccountOpened", Revision: 1, Timestamp: time.Unix(1_700_000_000, 0)},
		Value:  []byte("an encoded event"),
	}
	result, err := store.Append(ctx, eventstore.To(account, eventstore.NoStream, opened))
	fmt.Println("appended: version", result.Last(), err)

	_, err = store.Append(ctx, eventstore.To(account, eventstore.NoStream, opened))
	var conflict *eventstore.ConflictError
	if errors.As(err, &conflict) {
		fmt.Println("conflict: the stream is at version", conflict.Actual)
	}

	for r, err := range store.ReadStream(ctx, account, 1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("read:", r.AggregateVersion, r.Type, string(r.Value))
	}
	// Output:
	// appended: version 1 <nil>
	// conflict: the stream is at version 1
	// read: 1 AccountOpened an encoded event
}

// A transfer between two accounts of one partition key is stored whole, or not at all.
func ExampleStore_Append() {
	store, err := memory.New(memory.Config{
		Categories:    []string{"Account"},
		PartitionKeys: map[string]eventstore.PartitionKey{"Account": eventstore.BeforeSlash},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	alice := eventstore.Stream{Category: "Account", ID: "acme/alice"}
	bob := eventstore.Stream{Category: "Account", ID: "acme/bob"}
	for range 2 {
		result, err := store.Append(context.Background(), eventstore.Join(
			eventstore.To(alice, eventstore.NoStream, happened("debited")),
			eventstore.To(bob, eventstore.NoStream, happened("credited")),
		))
		if err != nil {
			fmt.Println(err)
		}
		for _, w := range result.Streams {
			fmt.Println(w.Stream, "is at version", w.Last)
		}
	}
	// Output:
	// Account/acme/alice is at version 1
	// Account/acme/bob is at version 1
	// stream Account/acme/alice is at version 1, expected 0: load it again and decide anew
}

// A projection saves its cursor beside its data, and goes on from there after a restart.
func ExampleStore_ReadCategory() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx, cursor := context.Background(), make(eventstore.Cursor)
	project := func() {
		n := 0
		for r, err := range store.ReadCategory(ctx, "Account", eventstore.After(cursor)) {
			if err != nil {
				fmt.Println(err)
				return
			}
			cursor.Advance(r.Position)
			n++
		}
		fmt.Println("new records:", n)
	}
	for i, id := range []string{"a-1", "a-2", "a-1"} {
		if i == 2 {
			project()
		}
		_, err := store.Append(ctx,
			eventstore.To(eventstore.Stream{Category: "Account", ID: id}, eventstore.Any, eventstore.Record{
				Header: event.Header{
					ID: fmt.Sprint("e-", i), Type: "AccountCredited", Revision: 1,
					Timestamp: time.Unix(1_700_000_000, 0),
				},
				Value: []byte("an encoded event"),
			}))
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	project()
	// Output:
	// new records: 2
	// new records: 1
}

// A reader that follows a category from its end gets what is appended from now on.
func ExampleStore_Follow() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	fromNow := store.Follow(ctx, "Account", eventstore.End())
	for i := range 2 {
		_, err := store.Append(ctx,
			eventstore.To(eventstore.Stream{Category: "Account", ID: "a-1"}, eventstore.Any, eventstore.Record{
				Header: event.Header{
					ID: fmt.Sprint("e-", i), Type: "AccountCredited", Revision: 1,
					Timestamp: time.Unix(1_700_000_000, 0),
				},
				Value: []byte("an encoded event"),
			}))
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	for r, err := range fromNow { // waits when it has caught up
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.AggregateVersion, r.ID)
		if r.AggregateVersion == 2 {
			break
		}
	}
	// Output:
	// 1 e-0
	// 2 e-1
}
