package eventstoretest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// The tests of a store declare this function as func TestConformance(t *testing.T).
func ExampleRun() {
	_ = func(t *testing.T) {
		eventstoretest.Run(t, func(t testing.TB) eventstore.Store {
			t.Helper()
			store, err := memory.New(memory.Config{
				Categories:    []string{"Account", "Transaction", "Ledger"},
				PartitionKeys: map[string]eventstore.PartitionKey{"Ledger": eventstore.BeforeSlash},
			})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			return store
		}, eventstoretest.Config{
			Categories: []string{"Account", "Transaction"}, Ledgers: "Ledger",
		})
	}
}

// The tests of a store that serves subscriptions declare this function, too, as
// func TestSubscriptions(t *testing.T).
func ExampleRunSubscriptions() {
	_ = func(t *testing.T) {
		eventstoretest.RunSubscriptions(t, func(t testing.TB) eventstoretest.SubscriptionStore {
			t.Helper()
			store, err := memory.New(memory.Config{
				Categories:    []string{"Account", "Ledger"},
				PartitionKeys: map[string]eventstore.PartitionKey{"Ledger": eventstore.BeforeSlash},
			})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			return store
		}, eventstoretest.SubscriptionsConfig{
			Category: "Account", Ledgers: "Ledger",
		})
	}
}

// A test of a part of a store draws commits. Here the part is an append, which must agree with
// Check. It stands in func TestAppendTakesWhatCheckTakes(t *testing.T).
func ExampleDrawCommit() {
	_ = func(t *testing.T) {
		store, err := memory.New(memory.Config{Categories: []string{"Account"}})
		require.NoError(t, err)
		defer store.Close()
		rapid.Check(t, func(t *rapid.T) {
			stream, records := eventstoretest.DrawCommit(t, "Account")
			commit := eventstore.To(stream, eventstore.Any, records...)
			_, err := store.Append(context.Background(), commit)
			require.Equal(t, eventstore.Check(commit, eventstore.WholeID) != nil, errors.Is(err, eventstore.ErrInvalid))
		})
	}
}
