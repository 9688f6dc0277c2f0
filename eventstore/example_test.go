package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// happened returns an encoded event.
func happened(id string, at time.Time) eventstore.Record {
	return eventstore.Record{
		Header: event.Header{ID: id, Type: "AccountCredited", Revision: 1, Timestamp: at},
		Value:  []byte("an encoded event"),
	}
}

var noon = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// The writer that expects the version that it has read wins. The other one loads again.
func ExampleTo() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx, account := context.Background(), eventstore.Stream{Category: "Account", ID: "a-1"}
	result, err := store.Append(ctx,
		eventstore.To(account, eventstore.NoStream, happened("e-1", noon), happened("e-2", noon)))
	fmt.Println("versions", result.First(), "to", result.Last(), err)

	_, err = store.Append(ctx, eventstore.To(account, eventstore.Expected(1), happened("e-3", noon)))
	fmt.Println(err)
	_, err = store.Append(ctx, eventstore.To(account, eventstore.Any, happened("e-3", noon)))
	fmt.Println(err)
	// Output:
	// versions 1 to 2 <nil>
	// stream Account/a-1 is at version 2, expected 1: load it again and decide anew
	// <nil>
}

// A commit that was decided on what ReadQueued yields has its expectation. So has the check of a
// decision without events.
func ExampleExpectation_Commit() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx, account := context.Background(), eventstore.Stream{Category: "Account", ID: "a-1"}
	for range 2 {
		records, at := store.ReadQueued(ctx, account, 1)
		count := 0
		for _, err := range records {
			if err != nil {
				fmt.Println(err)
				return
			}
			count++
		}
		if count > 0 {
			_, err := store.Append(ctx, at.Commit())
			fmt.Println("checked: nothing to do", err)
			continue
		}
		result, err := store.Append(ctx, at.Commit(happened("e-1", noon)))
		fmt.Println("stored: version", result.Last(), err)
	}
	// Output:
	// stored: version 1 <nil>
	// checked: nothing to do <nil>
}

// A command that is appended again is stored once. Another command with its id is refused.
func ExampleCommandReusedError() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx, account := context.Background(), eventstore.Stream{Category: "Account", ID: "a-1"}
	for _, digest := range []string{"d-1", "d-1", "d-2"} {
		commit := eventstore.To(account, eventstore.Any, happened("e-1", noon))
		commit.CommandID, commit.Digest = "c-1", digest
		result, err := store.Append(ctx, commit)
		fmt.Println(result.Last(), result.Repeated, errors.Is(err, eventstore.ErrCommandReused))
	}
	// Output:
	// 1 false false
	// 1 true false
	// 0 false true
}

// A reader of a category may start at a time.
func ExampleSince() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}, Partitions: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	for i := range 3 {
		account := eventstore.Stream{Category: "Account", ID: fmt.Sprint("a-", i)}
		at := noon.Add(time.Duration(i) * time.Minute)
		if _, err := store.Append(ctx, eventstore.To(account, eventstore.Any, happened("e-1", at))); err != nil {
			fmt.Println(err)
			return
		}
	}
	for r, err := range store.ReadCategory(ctx, "Account", eventstore.Since(noon.Add(time.Minute))) {
		fmt.Println(r.AggregateID, r.Timestamp.Format(time.TimeOnly), err)
	}
	// Output:
	// a-1 12:01:00 <nil>
	// a-2 12:02:00 <nil>
}

// A cursor lets a reader pass over what it has seen, when records come again.
func ExampleCursor() {
	cursor := make(eventstore.Cursor)
	for _, p := range []event.Position{
		{Partition: 0, Offset: 4}, {Partition: 1, Offset: 2}, {Partition: 0, Offset: 4},
	} {
		fmt.Println(p, "seen:", cursor.Seen(p))
		cursor.Advance(p)
	}
	// Output:
	// 0:4 seen: false
	// 1:2 seen: false
	// 0:4 seen: true
}
