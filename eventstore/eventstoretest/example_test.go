package eventstoretest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// The tests of a store declare this function as func TestConformance(t *testing.T).
func ExampleRun() {
	_ = func(t *testing.T) {
		eventstoretest.Run(t, func(t testing.TB) eventstore.Store {
			t.Helper()
			store, err := memory.New(memory.Config{Categories: []string{"Account", "Transaction"}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			return store
		}, eventstoretest.Config{
			Categories: []string{"Account", "Transaction"},
		})
	}
}
