package aggregate_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// world is all that a decision can see at one moment.
type world struct {
	purses  map[string]purse
	applied map[string]bool
}

func (w world) group() *group {
	return aggregate.NewGroup(
		func(id string) purse { return w.purses[id] },
		func(_, commandID string) bool { return w.applied[commandID] })
}

// after returns the world after a commit.
func (w world) after(commandID string, changes []change) world {
	next := world{maps.Clone(w.purses), maps.Clone(w.applied)}
	for _, c := range changes {
		p := next.purses[c.ID]
		for _, e := range c.Events {
			e.Apply(&p)
		}
		next.purses[c.ID] = p
	}
	if commandID != "" {
		next.applied[commandID] = true
	}
	return next
}

// look is one thing that a decision looks at.
type look struct {
	id      string // of a purse; "heir": the heir of the purse before
	command string // asked for, if not empty
}

var (
	purseIDs   = []string{"l/a", "l/b", "l/c", "l/d"}
	commandIDs = []string{"c-1", "c-2", "own"}
)

// decision returns a decision that looks at these things. Its answer says what it has seen.
func decision(looks []look, write []string) func(*group) ([]change, error) {
	return func(g *group) ([]change, error) {
		seen, sum, heir := "", 0, "l/a"
		for _, l := range looks {
			id := l.id
			if id == "heir" {
				id = heir
			}
			if l.command != "" {
				seen += fmt.Sprintf("%s %t, ", l.command, g.Applied(id, l.command))
				continue
			}
			p := g.State(id)
			if p.Heir != "" {
				heir = p.Heir
			}
			seen += fmt.Sprintf("%s %d %s, ", id, p.Balance, p.Heir)
			sum += p.Balance
		}
		switch sum % 3 {
		case 0:
			return nil, errors.New(seen)
		case 1:
			return nil, nil
		}
		var changes []change
		for _, id := range write {
			changes = append(changes, aggregate.On(id, noted{seen}, paidIn{sum%5 + 1}))
		}
		return changes, nil
	}
}

func drawLooks(t *rapid.T) []look {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) look {
		l := look{id: rapid.SampledFrom(append([]string{"heir", "heir"}, purseIDs...)).Draw(t, "id")}
		if rapid.IntRange(0, 3).Draw(t, "asks") == 0 {
			l.command = rapid.SampledFrom(commandIDs).Draw(t, "command")
		}
		return l
	}), 0, 5).Draw(t, "looks")
}

// TestUpdateAllSerializable lets others commit at every step of an update. The update must do
// as its decision does in the world right before its commit. An answer without events must be
// one that the decision gives in some world since the call.
func TestUpdateAllSerializable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		inner, err := memory.New(memory.Config{
			Categories: []string{"Purse"}, Partitions: 1,
			PartitionKeys: map[string]eventstore.PartitionKey{"Purse": eventstore.BeforeSlash},
		})
		require.NoError(t, err)
		defer inner.Close()
		others, err := aggregate.NewRepository(t.Context(), purses(), inner, jsonCodec{}, aggregate.Config{})
		require.NoError(t, err)
		worlds := []world{{map[string]purse{}, map[string]bool{}}}
		now := func() world { return worlds[len(worlds)-1] }
		var owns []string // what the command "own" did where others handled it
		left := 0
		interfere := func() {
			if left == 0 || rapid.IntRange(0, 2).Draw(t, "interferes") > 0 {
				return
			}
			left--
			changes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
				id := rapid.SampledFrom(purseIDs).Draw(t, "changed")
				if rapid.Bool().Draw(t, "heir") {
					return aggregate.On(id, heirNamed{rapid.SampledFrom(purseIDs).Draw(t, "heir")})
				}
				return aggregate.On(id, paidIn{rapid.IntRange(1, 9).Draw(t, "amount")})
			}), 1, 3).Draw(t, "changes")
			commandID := rapid.SampledFrom(append([]string{"", ""}, commandIDs...)).Draw(t, "of command")
			if now().applied[commandID] {
				return
			}
			outcome, err := others.UpdateAll(digested(t.Context(), commandID), on("", changes...))
			require.NoError(t, err)
			if commandID == "own" {
				owns = told(outcome.Events)
			}
			worlds = append(worlds, now().after(commandID, changes))
		}
		left = 8
		for range 3 {
			interfere()
		}
		before := len(worlds) - 1

		var made []change // by the update
		store := &ledger{
			Store: inner, read: func(string) { interfere() }, asked: interfere,
			before: func(eventstore.Commit) { interfere() },
		}
		r, err := aggregate.NewRepository(t.Context(), purses(), store, jsonCodec{}, aggregate.Config{})
		require.NoError(t, err)
		looks := drawLooks(t)
		decide := decision(looks, rapid.SliceOfN(rapid.SampledFrom(purseIDs), 1, 3).Draw(t, "writes"))
		ctx := t.Context()
		byCommand := rapid.Bool().Draw(t, "by command")
		if byCommand {
			ctx = digested(ctx, "own")
		}
		answers := func(worlds []world, unapplied bool) []string { // of the decision
			var all []string
			for _, w := range worlds {
				if !unapplied || !w.applied["own"] {
					all = append(all, fmt.Sprint(decide(w.group())))
				}
			}
			return all
		}
		outcome, err := r.UpdateAll(ctx, func(g *group) ([]change, error) {
			var refused error
			made, refused = decide(g)
			require.Contains(t, answers(worlds, false), fmt.Sprint(made, refused), "it sees one world")
			return made, refused
		})

		switch {
		case outcome.Repeated:
			require.NoError(t, err)
			require.Equal(t, owns, told(outcome.Events))
		case len(outcome.Events) > 0:
			require.NoError(t, err)
			want, refused := decide(now().group())
			require.NoError(t, refused)
			require.Equal(t, want, made)
			require.Len(t, outcome.Events, 2*len(made))
			require.False(t, outcome.CommandID == "own" && owns != nil, "applied twice")
		default:
			answer := fmt.Sprint([]change(nil), err)
			require.Contains(t, answers(worlds[before:], byCommand && len(looks) > 0), answer)
		}
	})
}

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
