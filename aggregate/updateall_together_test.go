package aggregate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
)

// together runs f in several goroutines.
func together(n int, f func(n int, random *rand.Rand)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i, rand.New(rand.NewPCG(uint64(i), 7))) })
	}
	wg.Wait()
}

// Transfers keep the sum, and no decision ever sees another one.
func TestUpdateAllTransfers(t *testing.T) {
	t.Parallel()
	const goroutines, transfers, purseCount, sum = 8, 40, 5, 500
	store := newLedger(t)
	ids := make([]string, purseCount)
	for i := range ids {
		ids[i] = fmt.Sprintf("l/%d", i)
		store.pay(t, ids[i], paidIn{sum / purseCount})
	}
	r := newPurses(t, store.Store, aggregate.Config{MaxAttempts: 10 * goroutines * transfers})
	together(goroutines, func(_ int, random *rand.Rand) {
		for range transfers {
			order := random.Perm(purseCount)
			tr := transfer{ids[order[0]], ids[order[1]], random.IntN(60)}
			all := random.IntN(2) == 0
			_, err := r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
				if seen := 0; all {
					for _, i := range order {
						seen += g.State(ids[i]).Balance
					}
					if seen != sum {
						return nil, fmt.Errorf("a decision sees the sum %d", seen)
					}
				}
				return tr.Decide(g)
			})
			if err != nil && !errors.Is(err, errPoor) {
				t.Error(err)
			}
		}
	})
	total := 0
	for _, id := range ids {
		root, err := r.Load(t.Context(), id)
		require.NoError(t, err)
		require.GreaterOrEqual(t, root.State().Balance, 0)
		total += root.State().Balance
	}
	require.Equal(t, sum, total)
}

// Two purses may be overdrawn as long as both together are not. Each decision looks at both, and
// changes one.
func TestUpdateAllWriteSkew(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{60})
	store.pay(t, "l/b", paidIn{60})
	r := newPurses(t, store.Store, aggregate.Config{MaxAttempts: 10_000})
	together(8, func(n int, _ *rand.Rand) {
		from := []string{"l/a", "l/b"}[n%2]
		for range 20 {
			_, err := r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
				if g.State("l/a").Balance+g.State("l/b").Balance < 7 {
					return nil, errPoor
				}
				return []change{aggregate.On(from, paidOut{7})}, nil
			})
			if err != nil && !errors.Is(err, errPoor) {
				t.Error(err)
			}
		}
	})
	a, err := r.Load(t.Context(), "l/a")
	require.NoError(t, err)
	b, err := r.Load(t.Context(), "l/b")
	require.NoError(t, err)
	require.Equal(t, 120%7, a.State().Balance+b.State().Balance)
}

// Nothing is paid once the ledger is frozen, which each decision looks at and does not change.
func TestUpdateAllFreeze(t *testing.T) {
	t.Parallel()
	errFrozen := errors.New("frozen")
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{1000})
	r := newPurses(t, store.Store, aggregate.Config{MaxAttempts: 10_000})
	together(5, func(n int, _ *rand.Rand) {
		for i := range 40 {
			if n == 0 && i == 20 {
				store.pay(t, "l/rules", froze{})
			}
			_, err := r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
				if g.State("l/rules").Frozen {
					return nil, errFrozen
				}
				return transfer{"l/a", fmt.Sprint("l/", n), 1}.Decide(g)
			})
			if err != nil && !errors.Is(err, errFrozen) {
				t.Error(err)
			}
		}
	})
	frozen := false
	for _, e := range store.log(t) {
		require.False(t, frozen && e.Type == "PaidOut")
		frozen = frozen || e.Type == "Froze"
	}
	require.True(t, frozen)
}

// A command that many handle at once is applied once, and all of them are told the same.
func TestUpdateAllDuplicates(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{1000})
	r := newPurses(t, store.Store, aggregate.Config{MaxAttempts: 10_000})
	const goroutines, commands = 6, 20
	outcomes := make([][]eventstore.Outcome, goroutines)
	together(goroutines, func(n int, _ *rand.Rand) {
		for i := range commands {
			// Each decides otherwise. That is what a race with other commands may lead to.
			to := fmt.Sprint("l/to", n%3)
			outcome, err := r.UpdateAll(digested(t.Context(), fmt.Sprint("c-", i)), transfer{"l/a", to, 10}.Decide)
			if err != nil {
				t.Error(err)
			}
			outcomes[n] = append(outcomes[n], outcome)
		}
	})
	require.Len(t, store.log(t), 1+2*commands)
	for i := range commands {
		fresh := 0
		for n := range outcomes {
			require.Equal(t, outcomes[0][i].Events, outcomes[n][i].Events)
			require.Equal(t, outcomes[0][i].Position, outcomes[n][i].Position)
			if !outcomes[n][i].Repeated {
				fresh++
			}
		}
		require.Equal(t, 1, fresh)
	}
}
