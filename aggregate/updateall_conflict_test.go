package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// All that the decision has looked at is expected, also if it changes nothing of it.
func TestUpdateAllConflict(t *testing.T) {
	t.Parallel()
	for _, moved := range []string{"l/a", "l/b", "l/rules"} {
		for _, refused := range []bool{false, true} {
			t.Run(fmt.Sprint(moved, " refused ", refused), func(t *testing.T) {
				t.Parallel()
				store := newLedger(t)
				const conflicts = 3
				n := 0
				moves := func(here bool) {
					if here && n < conflicts {
						n++
						store.pay(t, moved, paidIn{1})
					}
				}
				store.before = func(c eventstore.Commit) { moves(len(c.Records) > 0) }
				store.read = func(id string) { moves(refused && id == "l/rules") }
				var seen []int
				r := newPurses(t, store, aggregate.Config{})
				_, err := r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
					sum := g.State("l/a").Balance + g.State("l/b").Balance + g.State("l/rules").Balance
					seen = append(seen, sum)
					if refused {
						return nil, fmt.Errorf("%d: %w", sum, errPoor)
					}
					return []change{aggregate.On("l/a", paidIn{10 * sum}), aggregate.On("l/b", paidIn{1})}, nil
				})
				var stored int
				for _, e := range store.log(t) {
					if e.AggregateID == moved {
						stored++
					}
				}
				if refused {
					require.EqualError(t, err, fmt.Sprintf("%d: %v", stored, errPoor))
					return
				}
				require.NoError(t, err)
				require.Equal(t, []int{0, 1, 2, 3}, seen, "each time with the states of that moment")
			})
		}
	}
}

// An aggregate that the decision changes without having looked at it may move: the decision stands.
func TestUpdateAllUnseenMoves(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{50})
	const moves = 3
	n := 0
	store.before = func(eventstore.Commit) {
		if n++; n <= moves {
			store.pay(t, "l/b", paidIn{1})
		}
	}
	decided := 0
	outcome, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
		decided++
		return transfer{"l/a", "l/b", 20}.Decide(g)
	})
	require.NoError(t, err)
	require.Equal(t, 1, decided)
	require.Equal(t, []string{"l/a 2 PaidOut", "l/b 4 PaidIn"}, told(outcome.Events))
	require.Equal(t, []string{"l/a", "l/b", "l/b", "l/b", "l/b"}, store.reads)

	t.Run("and one that it has looked at, too", func(t *testing.T) {
		n, decided = moves, 0
		store.before = func(eventstore.Commit) {
			if decided == 1 {
				store.pay(t, "l/b", paidIn{1})
				store.pay(t, "l/a", paidOut{30})
			}
		}
		_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
			decided++
			return transfer{"l/a", "l/b", 20}.Decide(g)
		})
		require.ErrorIs(t, err, errPoor)
		require.Equal(t, 2, decided)
	})
}

// The commits to an aggregate that the decision has not looked at do not count, however many they
// are. In the end the commit goes behind all of them.
func TestUpdateAllUnseenMovesAlways(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{50})
	store.before = func(eventstore.Commit) { store.pay(t, "l/b", paidIn{1}) }
	decided := 0
	outcome, err := newPurses(t, store, aggregate.Config{MaxAttempts: 1}).UpdateAll(t.Context(),
		func(g *group) ([]change, error) {
			decided++
			return transfer{"l/a", "l/b", 20}.Decide(g)
		})
	require.NoError(t, err)
	require.Equal(t, 1, decided)
	last, appends := store.last(t)
	require.Equal(t, []string{"l/a 1"}, expected(last))
	require.Equal(t, eventstore.Written{Stream: last.Streams()[1], First: int64(appends) + 1, Last: int64(appends) + 1},
		outcome.Streams[1])

	t.Run("nothing was looked at, and the command is handled elsewhere", func(t *testing.T) {
		t.Parallel()
		store := newLedger(t)
		store.before = func(c eventstore.Commit) {
			store.pay(t, "l/b", paidIn{1})
			if len(c.Expect) == 0 {
				store.before = nil
				store.commit(t, "c-1", aggregate.On("l/c", paidIn{1}))
			}
		}
		outcome, err := newPurses(t, store, aggregate.Config{}).UpdateAll(digested(t.Context(), "c-1"),
			on("", aggregate.On("l/b", paidIn{1})))
		require.NoError(t, err)
		require.Equal(t, []string{"l/c 1 PaidIn"}, told(outcome.Events))
	})
}

// A commit may have all the records that the store takes, whatever else the decision looks at.
func TestUpdateAllMostStreams(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{50})
	changes := make([]change, eventstore.MaxCommitRecords)
	for i := range changes {
		changes[i] = aggregate.On(fmt.Sprint("l/", i), paidIn{1})
	}
	for look, expectations := range map[string]int{"": len(changes), "l/0": len(changes), "l/a": 1} {
		outcome, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), on(look, changes...))
		require.NoError(t, err)
		require.Len(t, outcome.Events, len(changes))
		last, _ := store.last(t)
		require.Len(t, last.Expect, expectations, "of %q", look)
	}
}

func TestUpdateAllMaxAttempts(t *testing.T) {
	t.Parallel()
	for _, moved := range []string{"l/a", "l/b"} { // read, read later
		for _, attempts := range []int{1, 3} {
			t.Run(fmt.Sprint(moved, attempts), func(t *testing.T) {
				t.Parallel()
				store := newLedger(t)
				store.before = func(eventstore.Commit) { store.pay(t, moved, paidIn{1}) }
				r := newPurses(t, store, aggregate.Config{MaxAttempts: attempts})
				_, err := r.UpdateAll(digested(t.Context(), "c-1"), on("l/a l/b", aggregate.On("l/c", paidIn{1})))
				require.ErrorIs(t, err, eventstore.ErrConflict)
				require.ErrorContains(t, err, fmt.Sprintf("update gave up after %d attempts: ", attempts))
				require.ErrorContains(t, err, "Purse/"+moved)
				require.Len(t, store.appends, attempts)
			})
		}
	}
}

// A decision never sees a part of another commit: it ends where it would.
func TestUpdateAllTorn(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{50})
	torn := 0
	store.read = func(id string) {
		if id == "l/b" && torn < 4 {
			torn++
			store.commit(t, "", aggregate.On("l/a", paidOut{10}), aggregate.On("l/b", paidIn{10}))
		}
	}
	var begun, sums, deferred int
	_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
		begun++
		defer func() { deferred++ }()
		require.Equal(t, 50, g.State("l/a").Balance+g.State("l/b").Balance)
		sums++
		return nil, errPoor
	})
	require.ErrorIs(t, err, errPoor)
	require.Equal(t, 2, begun, "reading ahead does not begin a decision that it cannot end")
	require.Equal(t, 1, sums)
	require.Equal(t, begun, deferred)
}

// decodes notes what is decoded.
type decodes struct {
	jsonCodec

	note func(what string)
}

func (d decodes) Decode(ctx context.Context, t event.Type, value []byte, into any) error {
	d.note("decode")
	return d.jsonCodec.Decode(ctx, t, value, into)
}

// After a conflict all that was asked for is read, one right after the other, and only then
// decoded.
func TestUpdateAllReadsAhead(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	for _, id := range []string{"l/a", "l/b", "l/c", "l/d"} {
		store.pay(t, id, paidIn{1})
	}
	var did []string
	note := func(what string) { did = append(did, what) }
	store.read = note
	r, err := aggregate.NewRepository(t.Context(), purses(), store, decodes{note: note},
		aggregate.Config{Cache: aggregate.Cache{Off: true}})
	require.NoError(t, err)
	looks := []string{"l/a l/b l/c", "l/c l/a", "l/a l/c l/d", "l/d l/b l/c l/a", "l/b"}
	attempt := 0
	store.before = func(c eventstore.Commit) {
		if attempt < len(looks) {
			note(fmt.Sprint(expected(c)))
			store.pay(t, "l/"+string("aacdz"[attempt-1]), paidIn{1})
		}
	}
	_, err = r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
		attempt++
		return on(looks[attempt-1], aggregate.On("l/x", froze{}))(g)
	})
	require.NoError(t, err)
	require.Equal(t, []string{
		"l/a", "decode", "l/b", "decode", "l/c", "decode", "decode", "l/x", "[l/a 1 l/b 1 l/c 1 l/x 0]",
		"l/a", "l/b", "l/c", "decode", "decode", "decode", "decode", "l/x", "[l/c 1 l/a 2 l/x 0]",
		"l/c", "l/a", "decode", "decode", "decode", "decode", "l/d", "decode",
		"decode", "l/x", "[l/a 3 l/c 1 l/d 1 l/x 0]",
		// An aggregate that was read ahead is read again once another one was read.
		"l/a", "l/c", "l/d", "decode", "l/b", "decode", "l/c", "decode", "decode", "l/a", "decode", "decode", "decode",
		"decode", "l/x", "[l/d 1 l/b 1 l/c 2 l/a 3 l/x 0]",
		"l/d", "l/b", "l/c", "l/a", "decode", "decode", "l/x",
	}, did)
}

// An aggregate that was read ahead and not asked for is not expected. It may move, and it need not
// be readable.
func TestUpdateAllReadsAheadUnasked(t *testing.T) {
	t.Parallel()
	for _, readable := range []bool{true, false} {
		t.Run(fmt.Sprint("readable ", readable), func(t *testing.T) {
			t.Parallel()
			store := newLedger(t)
			store.pay(t, "l/a", heirNamed{"l/b"})
			attempt := 0
			store.before = func(eventstore.Commit) {
				switch attempt {
				case 1:
					store.pay(t, "l/a", heirNamed{"l/d"})
					store.failed = func(s eventstore.Stream) error {
						if s.ID == "l/b" && !readable {
							return errors.New("cannot be read any more")
						}
						return nil
					}
				case 2:
					store.pay(t, "l/b", paidIn{1})
				}
			}
			_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
				attempt++
				amount := g.State(g.State("l/a").Heir).Balance + g.State("l/d").Balance
				return []change{aggregate.On("l/a", paidIn{amount + 1})}, nil
			})
			require.NoError(t, err)
			require.Equal(t, 2, attempt)
			require.Equal(t, []string{"l/a", "l/b", "l/d", "l/a", "l/b", "l/d"}, store.reads)
			commit, _ := store.last(t)
			require.Equal(t, []string{"l/a 2", "l/d 0"}, expected(commit))
		})
	}
}

// The second id comes from the first state. If that moves, the id is another one.
func TestUpdateAllDynamicIDs(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", heirNamed{"l/b"}, paidIn{50})
	store.read = func(id string) {
		if id == "l/b" {
			store.read = nil
			store.pay(t, "l/a", heirNamed{"l/c"})
		}
	}
	outcome, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
		a := g.State("l/a")
		return []change{
			aggregate.On("l/a", paidOut{a.Balance}), aggregate.On(a.Heir, paidIn{a.Balance + g.State(a.Heir).Balance}),
		}, nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"l/a 4 PaidOut", "l/c 1 PaidIn"}, told(outcome.Events))
}
