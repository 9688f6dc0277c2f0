package aggregate_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

func TestGroupApplied(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.commit(t, "c-1", aggregate.On("l/a", paidIn{1}))
	store.commit(t, "c-2", aggregate.On("m/a", paidIn{1}))
	var answers []bool
	decide := func(changes ...change) func(*group) ([]change, error) {
		return func(g *group) ([]change, error) {
			answers = []bool{
				g.Applied("l/b", "c-1"), g.Applied("l/a", "c-2"), g.Applied("l/a", "c-1"), g.State("l/b").Frozen,
			}
			return changes, nil
		}
	}
	r := newPurses(t, store, aggregate.Config{})
	for _, changes := range [][]change{nil, {aggregate.On("l/b", froze{})}} {
		_, err := r.UpdateAll(t.Context(), decide(changes...))
		require.NoError(t, err)
		require.Equal(t, []bool{true, false, true, false}, answers)
		c, _ := store.last(t)
		require.Equal(t, []string{"l/b 0", "l/a 1", "c-1", "not c-2"}, expected(c))
	}
}

// The answers about commands are expected.
func TestGroupAppliedConflict(t *testing.T) {
	t.Parallel()
	for _, refused := range []bool{false, true} {
		store := newLedger(t)
		store.before = func(eventstore.Commit) {
			store.before = nil
			store.commit(t, "c-1", aggregate.On("l/z", paidIn{1}))
		}
		var seen []bool
		_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
			applied := g.Applied("l/a", "c-1")
			require.Equal(t, applied, g.Applied("l/a", "c-1"))
			seen = append(seen, applied)
			if refused {
				return nil, errPoor
			}
			return []change{aggregate.On("l/a", paidIn{1})}, nil
		})
		require.Equal(t, refused, errors.Is(err, errPoor))
		require.Equal(t, []bool{false, true}, seen)
	}
}

// A decision sees the aggregates and the commands of one moment.
func TestGroupAppliedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		asks    []string // aggregates, and the command "c-1" of "l/y"
		applied int      // the command is applied before this of them, in the first attempt
		begun   int      // so many attempts see a part of it
	}{
		{"not applied, then read", []string{"c-1", "l/a"}, 1, 2},
		{"not applied, then read what it did not change", []string{"c-1", "l/x"}, 1, 2},
		{"read, then applied", []string{"l/a", "c-1"}, 1, 2},
		{"read, then applied, of the same", []string{"l/a", "c-1 of l/a"}, 1, 2},
		{"read and read, then applied", []string{"l/a", "l/x", "c-1"}, 2, 2},
		{"read, but not what it changes, then applied", []string{"l/x", "c-1", "l/a"}, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := newLedger(t)
			begun := 0
			_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
				begun++
				applied, balance := false, -1
				for i, ask := range tt.asks {
					if i == tt.applied && begun == 1 {
						store.commit(t, "c-1", aggregate.On("l/a", paidIn{7}))
					}
					switch ask {
					case "c-1":
						applied = g.Applied("l/y", "c-1")
					case "c-1 of l/a":
						applied = g.Applied("l/a", "c-1")
					case "l/a":
						balance = g.State("l/a").Balance
					default:
						g.State(ask)
					}
				}
				require.True(t, applied)
				require.Contains(t, []int{7, -1}, balance)
				return nil, errPoor
			})
			require.ErrorIs(t, err, errPoor)
			require.Equal(t, tt.begun, begun)
		})
	}
}

// The same holds for what was read ahead.
func TestGroupAppliedAhead(t *testing.T) {
	t.Parallel()
	for _, moves := range []bool{true, false} {
		store := newLedger(t)
		store.before = func(eventstore.Commit) {
			store.before = nil
			store.pay(t, "l/x", paidIn{1})
			store.asked = func() {
				store.asked = nil
				store.commit(t, "c-1", aggregate.On(map[bool]string{true: "l/a", false: "l/z"}[moves], paidIn{7}))
			}
		}
		attempts := 0
		_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
			attempts++
			applied := g.Applied("l/x", "c-1")
			require.Equal(t, applied && moves, g.State("l/a").Balance == 7)
			return []change{aggregate.On("l/x", froze{})}, nil
		})
		require.NoError(t, err)
		require.Equal(t, 2, attempts)
		want := []string{"l/x", "l/a", "l/x", "l/a"} // ahead
		if moves {
			want = append(want, "l/a") // does not stand any more
		}
		require.Equal(t, want, store.reads)
	}
}

// All commands are of one moment, too.
func TestGroupAppliedTogether(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	var seen [][]bool
	_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
		first := g.Applied("l/a", "c-1")
		if len(seen) == 0 {
			seen = append(seen, nil)
			store.commit(t, "c-1", aggregate.On("l/x", paidIn{1}))
			store.commit(t, "c-2", aggregate.On("l/y", paidIn{1}))
		}
		seen = append(seen, []bool{first, g.Applied("l/a", "c-2")})
		return nil, errPoor
	})
	require.ErrorIs(t, err, errPoor)
	require.Equal(t, [][]bool{nil, {true, true}}, seen)
}

// A command has one answer in one decision, whatever happens meanwhile.
func TestGroupAppliedOnce(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	attempt := 0
	_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(), func(g *group) ([]change, error) {
		attempt++
		applied := g.Applied("l/a", "c-1")
		if attempt == 1 {
			store.commit(t, "c-1", aggregate.On("l/z", paidIn{1}))
		}
		require.Equal(t, applied, g.Applied("l/b", "c-1"))
		return nil, nil
	})
	require.NoError(t, err)
	require.Equal(t, 2, attempt)
}

func TestGroupAppliedErrors(t *testing.T) {
	t.Parallel()
	asks := func(id, commandID string) func(*group) ([]change, error) {
		return func(g *group) ([]change, error) {
			g.State("l/a")
			g.Applied(id, commandID)
			t.Error("not reached")
			return nil, nil
		}
	}
	store := newLedger(t)
	r := newPurses(t, store, aggregate.Config{})
	_, err := r.UpdateAll(t.Context(), asks("m/a", "c-1"))
	require.ErrorIs(t, err, eventstore.ErrInvalid, "of another partition key")
	require.ErrorContains(t, err, "load Purse/m/a: ")

	lost := errors.New("lost")
	_, err = newPurses(t, unasked{store, lost}, aggregate.Config{}).UpdateAll(t.Context(), asks("l/a", "c-1"))
	require.ErrorIs(t, err, lost)
	_, err = newPurses(t, unasked{store, lost}, aggregate.Config{}).Update(digested(t.Context(), "c-1"), "l/a", nil)
	require.ErrorIs(t, err, lost)
	require.ErrorContains(t, err, "load Purse/l/a: ")
}

// unasked is a store that does not say whether a command was applied.
type unasked struct {
	*ledger

	err error
}

func (u unasked) Applied(context.Context, eventstore.Stream, string, ...eventstore.Expectation) (bool, error) {
	return false, u.err
}

// A panic of the decision passes as it is, with its stack.
func TestUpdateAllPanics(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	r := newPurses(t, store, aggregate.Config{})
	boom := &struct{ why string }{"boom"}
	var value any
	var stack string
	func() {
		defer func() { value, stack = recover(), string(debug.Stack()) }()
		_, _ = r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
			g.State("l/a")
			return panicking(boom)
		})
	}()
	require.Same(t, boom, value)
	require.Contains(t, stack, "aggregate_test.panicking")
	require.Empty(t, store.appends)
}

//go:noinline
func panicking(v any) ([]change, error) { panic(v) }

// A decision may end its goroutine, as FailNow of package testing does.
func TestUpdateAllGoexit(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	r := newPurses(t, store, aggregate.Config{})
	for name, end := range map[string]func(*group){
		"at once":              func(*group) { runtime.Goexit() },
		"after it was ended":   func(g *group) { defer runtime.Goexit(); g.State("/") },
		"and had recovered it": func(g *group) { recovered(func() { g.State("/") }); runtime.Goexit() },
	} {
		ended := make(chan bool)
		go func() {
			returned := false
			defer func() { ended <- !returned }()
			_, _ = r.UpdateAll(t.Context(), func(g *group) ([]change, error) { end(g); return nil, nil })
			returned = true
		}()
		require.True(t, <-ended, name)
	}
	require.Empty(t, store.appends)
}

func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// A decision that recovers what ends it is over all the same.
func TestUpdateAllRecovered(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{50})
	store.read = func(id string) {
		if id == "l/b" {
			store.read = nil
			store.commit(t, "", aggregate.On("l/a", paidOut{50}), aggregate.On("l/b", paidIn{50}))
		}
	}
	r := newPurses(t, store, aggregate.Config{})
	attempts := 0
	decide := func(g *group) ([]change, error) {
		attempts++
		a := g.State("l/a").Balance
		b := 0
		if first := recovered(func() { b = g.State("l/b").Balance }); first != nil {
			require.Same(t, first, recovered(func() { g.State("l/a") }), "it stays over")
			require.Same(t, first, recovered(func() { g.Applied("l/a", "c") }))
		}
		return []change{aggregate.On("l/c", paidIn{a + b})}, nil
	}
	outcome, err := r.UpdateAll(t.Context(), decide)
	require.NoError(t, err)
	require.Equal(t, 2, attempts)
	require.Equal(t, []any{paidIn{50}}, outcome.Events[0].Events)

	boom := errors.New("boom")
	require.PanicsWithValue(t, boom, func() {
		_, _ = r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
			recovered(func() { g.State("/") })
			panic(boom)
		})
	}, "its own panic passes also then")
}

func TestGroupMisused(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	r := newPurses(t, store, aggregate.Config{})
	var kept *group
	_, err := r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
		kept = g
		g.State("l/a")
		return nil, nil
	})
	require.NoError(t, err)
	for _, use := range []func(){func() { kept.State("l/a") }, func() { kept.Applied("l/a", "c-1") }} {
		require.PanicsWithValue(t,
			"aggregate: a Group was used after its decision had returned: only the decision may use it", use)
	}

	var elsewhere any
	_, err = r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			elsewhere = recovered(func() { g.State("/") })
		}()
		<-done
		return []change{aggregate.On("l/a", paidIn{1})}, nil
	})
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.ErrorContains(t, elsewhere.(error), "only the goroutine that called the decision may use its Group")
}

func TestUpdateAllClosed(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	r := newPurses(t, store, aggregate.Config{})
	require.NoError(t, store.Close())
	_, err := r.UpdateAll(t.Context(), on("l/a"))
	require.ErrorIs(t, err, eventstore.ErrClosed)
	_, err = r.UpdateAll(event.WithCause(t.Context(), event.Cause{CommandID: "c-1"}), on("l/a"))
	require.ErrorIs(t, err, eventstore.ErrClosed)
	_, err = r.UpdateAll(t.Context(), on("", aggregate.On("l/a", paidIn{1})))
	require.ErrorIs(t, err, eventstore.ErrClosed)
}

func TestNewGroup(t *testing.T) {
	t.Parallel()
	g := aggregate.NewGroup(
		func(id string) purse { return purse{Heir: id} },
		func(id, commandID string) bool { return id == commandID })
	require.Equal(t, purse{Heir: "l/a"}, g.State("l/a"))
	require.True(t, g.Applied("c", "c"))
	require.False(t, g.Applied("l/a", "c"))
}
