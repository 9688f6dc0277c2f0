package aggregate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
)

func TestUpdateAllOnQueued(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		queued         []change
		decide         func(*group) ([]change, error)
		stored, broken []string // what was made at last
		refused        error    // with what, if what is queued is stored
		decided        int      // how often, if it is not
	}{
		{
			"decides on it",
			[]change{aggregate.On("l/a", paidIn{20}), aggregate.On("l/b", paidIn{1})},
			transfer{"l/a", "l/b", 40}.Decide,
			[]string{"l/a 3 PaidOut", "l/b 2 PaidIn"},
			[]string{"l/a 2 PaidOut", "l/b 1 PaidIn"},
			nil, 2,
		},
		{
			"refuses because of it",
			[]change{aggregate.On("l/c", paidIn{20}), aggregate.On("l/a", paidOut{20})},
			transfer{"l/a", "l/b", 40}.Decide, nil,
			[]string{"l/a 2 PaidOut", "l/b 1 PaidIn"},
			errPoor, 2,
		},
		{
			"nothing to do because of it",
			[]change{aggregate.On("l/b", froze{})},
			func(g *group) ([]change, error) {
				if g.State("l/a"); g.State("l/b").Frozen {
					return nil, nil
				}
				return []change{aggregate.On("l/b", froze{})}, nil
			}, nil,
			[]string{"l/b 1 Froze"},
			nil, 2,
		},
		{
			"does not see it",
			[]change{aggregate.On("l/b", paidIn{1})},
			transfer{"l/a", "l/b", 40}.Decide,
			[]string{"l/a 2 PaidOut", "l/b 2 PaidIn"},
			[]string{"l/a 2 PaidOut", "l/b 1 PaidIn"},
			nil, 1,
		},
		{
			"reads another partition key because of it",
			[]change{aggregate.On("l/a", heirNamed{"m/b"})},
			payHeir,
			nil,
			[]string{"l/d 1 PaidIn"},
			eventstore.ErrInvalid, 2,
		},
		{
			"cannot be decoded",
			[]change{aggregate.On("l/b", unlisted{})},
			on("l/a l/b", aggregate.On("l/b", paidIn{1})), nil,
			[]string{"l/b 1 PaidIn"},
			eventstore.ErrUndecodable, 2,
		},
		{
			"changes another partition key because of it",
			[]change{aggregate.On("l/a", heirNamed{"m/b"})},
			payHeirBlindly, nil,
			[]string{"l/d 1 PaidIn"},
			eventstore.ErrInvalid, 2,
		},
		{
			"reads what is no id because of it",
			[]change{aggregate.On("l/a", heirNamed{"/none"})},
			payHeir,
			nil,
			[]string{"l/d 1 PaidIn"},
			eventstore.ErrInvalid, 2,
		},
	} {
		for name, commandID := range map[string]string{"": "", ", as a command": "c-9"} {
			for _, breaks := range []bool{false, true} {
				t.Run(tt.name+name+map[bool]string{true: ", it breaks"}[breaks], func(t *testing.T) {
					t.Parallel()
					store := &queueing{ledger: newLedger(t)}
					store.pay(t, "l/a", paidIn{50})
					store.queue(t, breaks, "", tt.queued...)
					decided := 0
					outcome, err := newPurses(t, store, aggregate.Config{}).UpdateAll(digested(t.Context(), commandID),
						func(g *group) ([]change, error) { decided++; return tt.decide(g) })
					require.True(t, store.settled, "told only now")
					if breaks {
						require.NoError(t, err)
						require.Equal(t, tt.broken, told(outcome.Events))
						require.Equal(t, tt.decided, decided)
						return
					}
					require.ErrorIs(t, err, tt.refused)
					require.Equal(t, tt.stored, told(outcome.Events))
				})
			}
		}
	}
}

// payHeir pays to a purse that another one names.
func payHeir(g *group) ([]change, error) {
	heir := g.State("l/a").Heir
	if heir == "" {
		heir = "l/d"
	}
	g.State(heir)
	return []change{aggregate.On(heir, paidIn{1})}, nil
}

func payHeirBlindly(g *group) ([]change, error) {
	heir := g.State("l/a").Heir
	if heir == "" {
		heir = "l/d"
	}
	return []change{aggregate.On(heir, paidIn{1})}, nil
}

// A queued commit is withdrawn while a decision looks. The decision never sees something of it
// beside something of another moment.
func TestUpdateAllWithdrawn(t *testing.T) {
	t.Parallel()
	const pays = 7
	state := func(g *group) bool { return g.State("l/a").Balance == pays }
	for _, tt := range []struct {
		name          string
		first, second func(*group) bool // whether the queued command is seen to have paid
	}{
		{"state, then command", state, func(g *group) bool { return g.Applied("l/a", "c-1") }},
		{"state, then command of another", state, func(g *group) bool { return g.Applied("l/x", "c-1") }},
		{"command, then state", func(g *group) bool { return g.Applied("l/x", "c-1") }, state},
		{"state, then state", state, func(g *group) bool { return g.State("l/b").Balance == pays }},
	} {
		for _, taken := range []bool{false, true} { // another commit takes the versions
			t.Run(tt.name+map[bool]string{true: ", and another takes its place"}[taken], func(t *testing.T) {
				t.Parallel()
				store := &queueing{ledger: newLedger(t)}
				store.queue(t, true, "c-1", aggregate.On("l/a", paidIn{pays}), aggregate.On("l/b", paidIn{pays}))
				var seen []bool
				r := newPurses(t, store, aggregate.Config{})
				_, err := r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
					first := tt.first(g)
					seen = append(seen, first)
					if len(seen) == 1 {
						store.withdraw(0)
						if taken {
							store.commit(t, "c-2", aggregate.On("l/a", paidIn{3}), aggregate.On("l/b", paidIn{3}))
						}
					}
					require.Equal(t, first, tt.second(g))
					return nil, errPoor
				})
				require.ErrorIs(t, err, errPoor)
				require.Equal(t, []bool{true, false}, seen)
			})
		}
	}
}

// Another commit takes the version of a queued one that is withdrawn.
func TestUpdateAllWithdrawnVersion(t *testing.T) {
	t.Parallel()
	store := &queueing{ledger: newLedger(t)}
	store.queue(t, true, "", aggregate.On("l/a", paidIn{7}))
	var seen []int
	_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
		balance := g.State("l/a").Balance
		if seen = append(seen, balance); len(seen) == 1 {
			store.withdraw(0)
			store.commit(t, "c-2", aggregate.On("l/a", paidIn{3}))
		}
		require.Equal(t, g.Applied("l/a", "c-2"), balance == 3)
		return nil, errPoor
	})
	require.ErrorIs(t, err, errPoor)
	require.Equal(t, []int{7, 3}, seen)
}

// The reason rests on a queued commit, and nobody can say whether that is stored.
func TestUpdateAllStoppedUnchecked(t *testing.T) {
	t.Parallel()
	store := &queueing{ledger: newLedger(t)}
	store.pay(t, "l/a", paidIn{50})
	store.queue(t, false, "", aggregate.On("l/a", heirNamed{"m/b"}))
	store.refused = eventstore.ErrNotOwner
	_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), payHeir)
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	require.NotErrorIs(t, err, eventstore.ErrInvalid)
	require.ErrorContains(t, err, "update Purse/l/a: ")
	require.ErrorContains(t, err, "load Purse/m/b: ", "but people are told")
}

// elsewhere is a store of which another process owns ledger m.
type elsewhere struct{ *ledger }

func (e elsewhere) Applied(
	ctx context.Context, s eventstore.Stream, commandID string, with ...eventstore.Expectation,
) (bool, error) {
	if strings.HasPrefix(s.ID, "m/") {
		return false, eventstore.ErrNotOwner
	}
	return e.ledger.Applied(ctx, s, commandID, with...)
}

// An aggregate of another partition key is a mistake, also if another process owns that.
func TestUpdateAllTwoKeys(t *testing.T) {
	t.Parallel()
	for _, commandID := range []string{"", "c-1"} {
		for name, look := range map[string]func(*group){
			"state":   func(g *group) { g.State("m/b") },
			"command": func(g *group) { g.Applied("m/b", "c-2") },
			"state, after a command": func(g *group) {
				g.Applied("l/a", "c-2")
				g.State("m/b")
			},
		} {
			store := elsewhere{newLedger(t)}
			_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(digested(t.Context(), commandID),
				func(g *group) ([]change, error) {
					g.State("l/a")
					look(g)
					t.Error("not reached")
					return nil, nil
				})
			require.ErrorIs(t, err, eventstore.ErrInvalid, name)
			require.NotErrorIs(t, err, eventstore.ErrNotOwner)
			check, _ := store.last(t)
			require.Equal(t, []string{"l/a 0"}, expected(check)[:1], "it is told after a check")
		}
	}
}
