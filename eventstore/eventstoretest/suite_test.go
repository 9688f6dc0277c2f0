package eventstoretest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
)

// TestRun runs the suite as a store's tests do, twice over the same data.
func TestRun(t *testing.T) {
	t.Parallel()
	store := newWrapped(good(t))
	for range 2 {
		store.opens = 0
		eventstoretest.Run(t, func(testing.TB) eventstore.Store { return store.opened() },
			eventstoretest.Config{Durable: true})
		require.Equal(t, 2, store.opens)
	}
}

// TestRunAmidOthers runs the suite on categories to which somebody else appends all the time. That
// is after each append, and between the end of a read and what follows it.
func TestRunAmidOthers(t *testing.T) {
	t.Parallel()
	store := newWrapped(good(t))
	intrude := func(category string) {
		for i, id := range []string{"other", "yet another", "third"} {
			stream := eventstore.Stream{Category: category, ID: id}
			_, err := store.good.Append(t.Context(), eventstore.To(stream, eventstore.Any, eventstore.Record{
				Header: event.Header{ID: "e", Type: "Happened", Revision: 1, Timestamp: time.Unix(int64(i), 0)},
				Value:  []byte("x"),
			}))
			require.NoError(t, err)
		}
	}
	appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
		result, err := next(a)
		if err == nil {
			intrude(a.stream.Category)
		}
		return result, err
	})(store)
	inner := store.category
	store.category = func(ctx context.Context, category string, start eventstore.Start) records {
		all := inner(ctx, category, start)
		if category == "Account" || category == "Transaction" || category == "Ledger" {
			intrude(category)
		}
		return all
	}
	eventstoretest.Run(t, func(testing.TB) eventstore.Store { return store.opened() }, eventstoretest.Config{})
}

func TestRunBadConfig(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]eventstoretest.Config{
		`"Account" is given twice`:   {Categories: []string{"Account", "Account"}},
		`"Ledger" is given twice`:    {Categories: []string{"Account", "Ledger"}},
		`"One" is given twice`:       {Categories: []string{"One"}, Ledgers: "One"},
		`found "Acc.ount", expected`: {Categories: []string{"Acc.ount"}},
		`found "Led.ger", expected`:  {Ledgers: "Led.ger"},
		"found 0 Categories":         {Categories: []string{}},
		"a Timeout of -1s":           {Timeout: -time.Second},
	} {
		r := record(t, model, func() eventstore.Store { return good(t) }, cfg)
		require.True(t, r.Failed())
		require.Contains(t, r.text(), want)
	}
}

// TestRunWithoutClose passes, and says what it could not check.
func TestRunWithoutClose(t *testing.T) {
	t.Parallel()
	r := record(t, closing, func() eventstore.Store { return struct{ eventstore.Store }{good(t)} },
		eventstoretest.Config{})
	require.False(t, r.Failed(), r.text())
	require.True(t, r.skipped)
	require.Contains(t, r.text(), "no method Close")
}
