package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// row is a row of the system that is left behind.
type row struct{ ID, Owner string }

// importAll stores an event for each row, and returns why rows were refused. If it fails, some rows
// are stored. It may be called again with all of them: what is stored stays as it is.
func importAll(ctx context.Context, store eventstore.Store, rows []row) (refused map[string]error, err error) {
	refused = make(map[string]error)
	for part := range slices.Chunk(rows, 10_000) {
		list := make([]eventstore.Commit, len(part))
		for i, r := range part {
			list[i] = eventstore.To(account(r.ID), eventstore.NoStream, happened("opened "+r.Owner, noon))
			list[i].CommandID = "import-" + r.ID
		}
		for i, a := range store.AppendEach(ctx, list) {
			switch {
			case a.Err == nil: // it is stored now, or it was before
			case errors.Is(a.Err, eventstore.ErrInvalid), errors.Is(a.Err, eventstore.ErrConflict):
				refused[part[i].ID] = a.Err
			default: // a broker is away, or ctx has ended: go on later
				return refused, a.Err
			}
		}
	}
	return refused, nil
}

// An import appends many commits in one call. It may be started again, as the commands of the rows
// tell which of them are stored.
func ExampleStore_AppendEach() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	if _, err := store.Append(ctx, eventstore.To(account("bob"), 0, happened("opened", noon))); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		refused, err := importAll(ctx, store, []row{{"alice", "Alice"}, {"bob", "Bob"}, {"carol", "Carol"}})
		fmt.Println("refused", len(refused), refused["bob"], err)
	}
	for _, id := range []string{"alice", "bob", "carol"} {
		for r := range store.ReadStream(ctx, account(id), 1) {
			fmt.Println(id, r.AggregateVersion, r.ID)
		}
	}
	// Output:
	// refused 1 stream Account/bob is at version 1, expected 0: load it again and decide anew <nil>
	// refused 1 stream Account/bob is at version 1, expected 0: load it again and decide anew <nil>
	// alice 1 opened Alice
	// bob 1 opened
	// carol 1 opened Carol
}

// An API that takes a list answers each entry. Here the second entry builds on the first.
func ExampleAnswer() {
	store, err := memory.New(memory.Config{Categories: []string{"Account"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	list := []eventstore.Commit{
		eventstore.To(account("alice"), eventstore.NoStream, happened("opened", noon)),
		eventstore.To(account("alice"), 1, happened("credited", noon)),
		eventstore.To(account("bob"), 7, happened("credited", noon)),
		eventstore.To(account(""), eventstore.Any, happened("credited", noon)),
	}
	for i, a := range store.AppendEach(context.Background(), list) {
		switch {
		case a.Err == nil && a.Result.Repeated:
			fmt.Println(i, "was stored before")
		case a.Err == nil:
			fmt.Println(i, "stored, version", a.Result.Last())
		case errors.Is(a.Err, eventstore.ErrConflict):
			fmt.Println(i, "conflict")
		case errors.Is(a.Err, eventstore.ErrInvalid):
			fmt.Println(i, "invalid")
		case errors.Is(a.Err, eventstore.ErrOutcomeUnknown):
			fmt.Println(i, "unknown: send it again with the same command id")
		default:
			fmt.Println(i, "not stored", a.Err)
		}
	}
	// Output:
	// 0 stored, version 1
	// 1 stored, version 2
	// 2 conflict
	// 3 invalid
}
