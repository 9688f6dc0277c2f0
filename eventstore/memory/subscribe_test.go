package memory_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
	"github.com/fencelog/fencelog/eventstore/memory"
)

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	for name, partitions := range map[string]int{"one partition": 1, "several partitions": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eventstoretest.RunSubscriptions(t, func(t testing.TB) eventstoretest.SubscriptionStore {
				t.Helper()
				store, err := memory.New(memory.Config{
					Categories:    []string{"Account", "Ledger"},
					PartitionKeys: map[string]eventstore.PartitionKey{"Ledger": eventstore.BeforeSlash},
					Partitions:    partitions, Logger: slog.New(slog.DiscardHandler),
				})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, store.Close()) })
				return store
			}, eventstoretest.SubscriptionsConfig{})
		})
	}
}
