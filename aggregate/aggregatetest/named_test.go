package aggregatetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/aggregatetest"
	"github.com/fencelog/fencelog/aggregate/aggregatetest/testdata/complete"
	"github.com/fencelog/fencelog/aggregate/aggregatetest/testdata/forgotten"
)

func TestCheckNamedForgotten(t *testing.T) {
	t.Chdir("testdata/forgotten")
	failures := record(t, func(tb testing.TB) { aggregatetest.CheckNamed(tb, forgotten.Accounts) })
	require.Len(t, failures, 3)
	for i, want := range []string{
		`^events\.go:\d+:6: event Credited has EventType\(\) and Apply\(\*Account\) but is not among the events of ` +
			`aggregate type "Account": add Credited\{\} to aggregate\.NewType$`,
		`^events\.go:\d+:6: event Debited has `,
		`^events\.go:\d+:6: event Renamed has `,
	} {
		require.Regexp(t, want, failures[i])
	}
}

func TestCheckNamedForeignState(t *testing.T) {
	t.Chdir("testdata/forgotten")
	failures := record(t, func(tb testing.TB) { aggregatetest.CheckNamed(tb, forgotten.Shops) })
	require.Len(t, failures, 1)
	require.Regexp(t, `^events\.go:\d+:6: event ShopClosed has EventType\(\) and Apply\(\*Shop\)`, failures[0])
}

func TestCheckNamedComplete(t *testing.T) {
	t.Chdir("testdata/complete")
	aggregatetest.CheckNamed(t, complete.Accounts)
}

func TestCheckNamedMistakes(t *testing.T) {
	t.Run("another directory", func(t *testing.T) {
		t.Chdir("testdata/complete")
		failures := record(t, func(tb testing.TB) { aggregatetest.CheckNamed(tb, forgotten.Accounts) })
		require.Len(t, failures, 1)
		require.Contains(t, failures[0], "none of its events is declared in package "+
			"github.com/fencelog/fencelog/aggregate/aggregatetest/testdata/complete; call CheckNamed from a test")
	})
	t.Run("no module", func(t *testing.T) {
		t.Chdir(t.TempDir())
		failures := record(t, func(tb testing.TB) { aggregatetest.CheckNamed(tb, complete.Accounts) })
		require.Len(t, failures, 1)
		require.Contains(t, failures[0], "no go.mod in")
	})
	t.Run("mistakes", func(t *testing.T) {
		failures := record(t, func(tb testing.TB) { aggregatetest.CheckNamed(tb, aggregate.NewType("", itemAdded{})) })
		require.Len(t, failures, 1)
	})
	t.Run("events of tests", func(t *testing.T) {
		failures := record(t, func(tb testing.TB) { aggregatetest.CheckNamed(tb, carts()) })
		require.Len(t, failures, 1)
	})
}
