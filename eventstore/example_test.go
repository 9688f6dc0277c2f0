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
		records, at := store.ReadQueued(ctx, account.At(0))
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

// A reader begins with everything, behind what it has seen, at a time, or with the next event.
func ExampleStart() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}, Partitions: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx, account := context.Background(), eventstore.Stream{Category: "Account", ID: "a-1"}
	seen := make(eventstore.Cursor)
	for i, id := range []string{"e-1", "e-2", "e-3"} {
		at := noon.Add(time.Duration(i) * time.Hour)
		result, err := store.Append(ctx, eventstore.To(account, eventstore.Any, happened(id, at)))
		if err != nil {
			fmt.Println(err)
			return
		}
		if id == "e-1" {
			seen.Advance(result.Position)
		}
	}
	for _, start := range []eventstore.Start{
		eventstore.Beginning(), eventstore.After(seen), eventstore.Since(noon.Add(2 * time.Hour)), eventstore.End(),
	} {
		var ids []string
		for r, err := range store.ReadCategory(ctx, "Account", start) {
			if err != nil {
				fmt.Println(err)
				return
			}
			ids = append(ids, r.ID)
		}
		fmt.Println(ids)
	}
	// Output:
	// [e-1 e-2 e-3]
	// [e-2 e-3]
	// [e-3]
	// []
}

// A store of your own asks a Start where it has to begin to read a partition.
func ExampleStart_AtEnd() {
	seen := eventstore.Cursor{1: 41}
	for _, start := range []eventstore.Start{
		eventstore.Beginning(), eventstore.After(seen), eventstore.Since(noon), eventstore.End(),
	} {
		switch since := start.Time(); {
		case start.AtEnd():
			fmt.Println("behind the last record")
		case !since.IsZero():
			fmt.Println("at the first record from", since.Format(time.DateTime), "on")
		default:
			fmt.Println("at offset", start.Offset(1), "of partition 1")
		}
	}
	// Output:
	// at offset 0 of partition 1
	// at offset 42 of partition 1
	// at the first record from 2024-03-01 12:00:00 on
	// behind the last record
}

// An import of many events fills each commit up to the bounds of one Append.
func ExampleSize() {
	var commit []eventstore.Record
	bytes := 0
	for i := range 5 {
		r := happened(fmt.Sprint("e-", i+1), noon)
		r.Value = make([]byte, 300<<10)
		if len(commit) == eventstore.MaxCommitRecords || bytes+eventstore.Size(r) > eventstore.MaxCommitBytes {
			fmt.Println("append", len(commit), "records")
			commit, bytes = nil, 0
		}
		commit = append(commit, r)
		bytes += eventstore.Size(r)
	}
	fmt.Println("append", len(commit), "records")
	// Output:
	// append 2 records
	// append 2 records
	// append 1 records
}

// A service checks a name from outside before it asks its store.
func ExampleCheckStream() {
	ada := eventstore.Stream{Category: "Account", ID: "ada@example.org"}
	fmt.Println(eventstore.CheckStream(ada, eventstore.WholeID))
	fmt.Println(eventstore.CheckStream(eventstore.Stream{Category: "Account"}, eventstore.WholeID))
	err := eventstore.CheckCategory("My accounts")
	fmt.Println(err)
	fmt.Println(errors.Is(err, eventstore.ErrInvalid))
	// Output:
	// <nil>
	// aggregate id: found nothing, expected 1 to 255 bytes
	// category: found "My accounts", expected a letter, then letters, digits, '-' or '_', at most 100
	// true
}
