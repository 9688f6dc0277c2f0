package eventstore_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// ledger returns a store whose accounts have the partition key before the slash, and three streams
// of one partition key.
func ledger() (store *memory.Store, alice, bob, freeze eventstore.Stream, err error) {
	store, err = memory.New(memory.Config{
		Categories:    []string{"Account"},
		PartitionKeys: map[string]eventstore.PartitionKey{"Account": eventstore.BeforeSlash},
	})
	return store, account("acme/alice"), account("acme/bob"), account("acme/freeze"), err
}

// A transfer changes two accounts, or none. It is stored only if nobody has frozen the accounts
// meanwhile, though it does not write to that stream.
func ExampleJoin() {
	store, alice, bob, freeze, err := ledger()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	transfer := eventstore.Join(
		eventstore.To(alice, eventstore.NoStream, happened("debited", noon)),
		eventstore.To(bob, eventstore.NoStream, happened("credited", noon)),
		eventstore.To(freeze, eventstore.NoStream),
	)
	result, err := store.Append(ctx, transfer)
	for _, w := range result.Streams {
		fmt.Println(w.Stream, "is at version", w.Last, err)
	}

	_, err = store.Append(ctx, eventstore.To(freeze, eventstore.NoStream, happened("frozen", noon)))
	fmt.Println("frozen", err)
	_, err = store.Append(ctx, eventstore.Join(
		eventstore.To(alice, 1, happened("debited", noon)),
		eventstore.To(bob, 1, happened("credited", noon)),
		eventstore.To(freeze, eventstore.NoStream),
	))
	fmt.Println(err)
	// Output:
	// Account/acme/alice is at version 1 <nil>
	// Account/acme/bob is at version 1 <nil>
	// frozen <nil>
	// stream Account/acme/freeze is at version 1, expected 0: load it again and decide anew
}

// A reader takes whole commits, so that it never shows half a transfer.
func ExampleByCommit() {
	store, alice, bob, _, err := ledger()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	for _, c := range []eventstore.Commit{
		eventstore.To(alice, eventstore.Any, happened("opened", noon)),
		eventstore.Join(
			eventstore.To(alice, eventstore.Any, happened("debited", noon)),
			eventstore.To(bob, eventstore.Any, happened("credited", noon)),
		),
	} {
		if _, err := store.Append(ctx, c); err != nil {
			fmt.Println(err)
			return
		}
	}
	for commit, err := range eventstore.ByCommit(store.ReadCategory(ctx, "Account", eventstore.Beginning())) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("a commit of", len(commit))
		for _, r := range commit {
			fmt.Println(r.AggregateID, r.ID)
		}
	}
	// Output:
	// a commit of 1
	// acme/alice opened
	// a commit of 2
	// acme/alice debited
	// acme/bob credited
}

// A refund is stored only if the payment is applied and the chargeback is not. The partition key of
// all accounts of acme knows their commands.
func ExampleCommandExpectation() {
	store, alice, bob, _, err := ledger()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	refund := eventstore.To(alice, eventstore.Any, happened("refunded", noon))
	refund.ExpectCommands = []eventstore.CommandExpectation{
		{CommandID: "payment", Applied: true}, {CommandID: "chargeback", Applied: false},
	}
	_, err = store.Append(ctx, refund)
	fmt.Println("refused:", errors.Is(err, eventstore.ErrConflict))

	payment := eventstore.To(bob, eventstore.Any, happened("paid", noon))
	payment.CommandID = "payment"
	_, err = store.Append(ctx, payment)
	fmt.Println("paid", err)
	applied, err := store.Applied(ctx, alice, "payment")
	fmt.Println("applied", applied, err)
	_, err = store.Append(ctx, refund)
	fmt.Println("refunded", err)
	// Output:
	// refused: true
	// paid <nil>
	// applied true <nil>
	// refunded <nil>
}

// A store of your own asks a commit whether it repeats the one that its command made before.
func ExampleCommit_Repeats() {
	alice, bob := account("acme/alice"), account("acme/bob")
	first := eventstore.Result{Streams: []eventstore.Written{{Stream: alice, First: 1, Last: 1}}}
	for _, stream := range []eventstore.Stream{alice, bob} {
		commit := eventstore.To(stream, eventstore.Any, happened("credited", noon))
		commit.CommandID, commit.Digest = "c-1", "d-1"
		err := commit.Repeats(first, "d-1")
		fmt.Println(stream, errors.Is(err, eventstore.ErrCommandReused))
	}
	// Output:
	// Account/acme/alice false
	// Account/acme/bob true
}
