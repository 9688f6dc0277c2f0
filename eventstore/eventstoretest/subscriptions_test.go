package eventstoretest_test

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// source returns a good store, of which one thing can be broken.
func source(t *testing.T, breaks func(*brokenSource)) func() eventstoretest.SubscriptionStore {
	t.Helper()
	return func() eventstoretest.SubscriptionStore {
		store, err := memory.New(memory.Config{
			Categories:    []string{"Account", "Ledger"},
			PartitionKeys: map[string]eventstore.PartitionKey{"Ledger": eventstore.BeforeSlash},
			Partitions:    2, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		s := newBrokenSource(store)
		breaks(s)
		return s
	}
}

// TestBrokenSubscriptionsAreCaught breaks a good store in one way at a time. Without the break the
// same check passes, so the check sees the break.
func TestBrokenSubscriptionsAreCaught(t *testing.T) {
	t.Parallel()
	for _, m := range sourceMutants() {
		for _, check := range m.caughtBy {
			t.Run(m.name+": "+check, func(t *testing.T) {
				t.Parallel()
				require.Contains(t, eventstoretest.SubscriptionCheckNames(), check)
				r := recorded(t, func(r *recorder) {
					eventstoretest.RunSubscriptionCheck(r, check, source(t, m.breaks), m.config)
				})
				require.True(t, r.Failed(), "not caught; the check said:\n%s", r.text())
				t.Log(r.text())
			})
		}
	}
}

// TestGoodSubscriptionsPass runs each check on its own, as TestBrokenSubscriptionsAreCaught does.
func TestGoodSubscriptionsPass(t *testing.T) {
	t.Parallel()
	for _, check := range eventstoretest.SubscriptionCheckNames() {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			r := recorded(t, func(r *recorder) {
				good := source(t, func(*brokenSource) {})
				eventstoretest.RunSubscriptionCheck(r, check, good, eventstoretest.SubscriptionsConfig{})
			})
			require.False(t, r.Failed(), r.text())
		})
	}
}

// TestEverySubscriptionCheckCanFail keeps checks from being added that nothing was seen to fail.
func TestEverySubscriptionCheckCanFail(t *testing.T) {
	t.Parallel()
	var seen []string
	for _, m := range sourceMutants() {
		seen = append(seen, m.caughtBy...)
	}
	for _, check := range eventstoretest.SubscriptionCheckNames() {
		require.True(t, slices.Contains(seen, check), "no broken store is caught by the check %q", check)
	}
}

func TestBadSubscriptionsConfigIsRefused(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]eventstoretest.SubscriptionsConfig{
		`found "Acc.ount", expected`: {Category: "Acc.ount"},
		`found "Led.ger", expected`:  {Ledgers: "Led.ger"},
		"expected two categories":    {Ledgers: "Account"},
		"found Timeout -1s":          {Timeout: -time.Second},
	} {
		r := recorded(t, func(r *recorder) {
			check := eventstoretest.SubscriptionCheckNames()[0]
			eventstoretest.RunSubscriptionCheck(r, check, source(t, func(*brokenSource) {}), cfg)
		})
		require.True(t, r.Failed())
		require.Contains(t, r.text(), want)
	}
}
