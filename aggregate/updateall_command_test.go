package aggregate_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// undecided fails the test if the decision goes on behind the first state.
func undecided(t *testing.T) func(*group) ([]change, error) {
	return func(g *group) ([]change, error) {
		g.State("l/b")
		t.Error("decided again")
		return nil, errPoor
	}
}

// A repeated command returns what its first commit did to all streams, in the commit's order.
func TestUpdateAllRepeated(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{50})
	r := newPurses(t, store, aggregate.Config{})
	first, err := r.UpdateAll(digested(t.Context(), "c-1"), on("l/a",
		aggregate.On("l/b", paidIn{1}), aggregate.On("l/a", paidOut{2}), aggregate.On("l/b", paidIn{3})))
	require.NoError(t, err)
	require.Equal(t, []string{"l/b 1 PaidIn", "l/a 2 PaidOut", "l/b 2 PaidIn"}, told(first.Events))
	store.pay(t, "l/a", froze{})
	store.pay(t, "l/b", froze{})
	before := store.log(t)

	again := func(repeat func(context.Context) (eventstore.Outcome, error)) {
		t.Helper()
		outcome, err := repeat(digested(t.Context(), "c-1"))
		require.NoError(t, err)
		require.True(t, outcome.Repeated)
		require.Equal(t, first.Events, outcome.Events)
		require.Equal(t, first.Streams, outcome.Streams)
		require.Equal(t, first.Position, outcome.Position)
		require.Equal(t, "c-1", outcome.CommandID)
		require.Equal(t, before, store.log(t), "nothing is stored")
	}
	again(func(ctx context.Context) (eventstore.Outcome, error) { return r.UpdateAll(ctx, undecided(t)) })
	again(func(ctx context.Context) (eventstore.Outcome, error) {
		return r.Update(ctx, "l/never seen", func(purse) ([]purseEvent, error) {
			t.Error("decided again")
			return nil, errPoor
		})
	})
	again(func(ctx context.Context) (eventstore.Outcome, error) { // it looks at nothing, so it cannot know
		return r.UpdateAll(ctx, on("", aggregate.On("l/a", paidIn{1}), aggregate.On("l/b", paidIn{1})))
	})
	again(func(ctx context.Context) (eventstore.Outcome, error) { // and decides otherwise than it once did
		return r.UpdateAll(ctx, on("", aggregate.On("l/x", paidIn{1})))
	})

	other := event.WithCause(t.Context(), event.Cause{CorrelationID: "k", CommandID: "c-1", CommandDigest: "another"})
	for _, decide := range []func(*group) ([]change, error){undecided(t), on("", aggregate.On("l/a", paidIn{1}))} {
		_, err = r.UpdateAll(other, decide)
		var reused *eventstore.CommandReusedError
		require.ErrorAs(t, err, &reused)
		require.Equal(t, "d", reused.Stored)
		require.ErrorContains(t, err, "Purse/l/")
	}

	outcome, err := r.UpdateAll(digested(t.Context(), "c-1"), on("m/a", aggregate.On("m/a", paidIn{1})))
	require.NoError(t, err)
	require.False(t, outcome.Repeated, "another partition key is another matter")
}

// The store knows whether the command was applied. Nobody reads the history for it.
func TestUpdateRepeatedWithoutHistory(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.commit(t, "c-1", aggregate.On("l/a", paidIn{1}), aggregate.On("l/b", paidIn{2}))
	broken := errors.New("broken")
	decoded := 0
	codec := decodes{note: func(string) { decoded++ }}
	r, err := aggregate.NewRepository(t.Context(), purses(), store, codec, aggregate.Config{})
	require.NoError(t, err)
	outcome, err := r.Update(digested(t.Context(), "c-1"), "l/a", func(purse) ([]purseEvent, error) {
		return nil, broken
	})
	require.NoError(t, err)
	require.Equal(t, []string{"l/a 1 PaidIn", "l/b 1 PaidIn"}, told(outcome.Events))
	require.Equal(t, 2, decoded, "for the outcome")
}

// The same command is handled by two processes, which decide otherwise.
func TestUpdateAllRace(t *testing.T) {
	t.Parallel()
	first := []change{aggregate.On("l/b", paidIn{1}), aggregate.On("l/c", paidIn{2})}
	for _, tt := range []struct {
		name   string
		when   string // the other one commits: before this is read, or before the append
		decide func(*group) ([]change, error)
	}{
		{"before the append", "", transfer{"l/a", "l/b", 20}.Decide},
		{"before the append, the same", "", on("l/a", first...)},
		{"before the append, nothing seen", "", on("", aggregate.On("l/x", paidIn{1}))},
		{"between the reads", "l/b", on("l/a l/b", aggregate.On("l/a", paidIn{1}))},
		{"between the reads, and this one refuses", "l/b", refuse("l/a l/b", errPoor)},
		{"between the reads, and this one does nothing", "l/b", on("l/a l/b")},
		{"before the first read", "l/a", on("l/a l/b")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := newLedger(t)
			store.pay(t, "l/a", paidIn{50})
			once := func() {
				store.before, store.read = nil, nil
				store.commit(t, "c-1", first...)
			}
			if tt.when == "" {
				store.before = func(eventstore.Commit) { once() }
			} else {
				store.read = func(id string) {
					if id == tt.when {
						once()
					}
				}
			}
			outcome, err := newPurses(t, store, aggregate.Config{}).UpdateAll(digested(t.Context(), "c-1"), tt.decide)
			require.NoError(t, err)
			require.True(t, outcome.Repeated)
			require.Equal(t, store.log(t)[1:], outcome.Events)
			require.Equal(t, []string{"l/b 1 PaidIn", "l/c 1 PaidIn"}, told(outcome.Events))
		})
	}
	t.Run("Update", func(t *testing.T) {
		t.Parallel()
		store := newLedger(t)
		store.before = func(eventstore.Commit) {
			store.before = nil
			store.commit(t, "c-1", first...)
		}
		outcome, err := newPurses(t, store, aggregate.Config{}).Update(digested(t.Context(), "c-1"), "l/a",
			func(purse) ([]purseEvent, error) { return []purseEvent{paidIn{1}}, nil })
		require.NoError(t, err)
		require.Equal(t, []string{"l/b 1 PaidIn", "l/c 1 PaidIn"}, told(outcome.Events))
	})
	t.Run("it asks for itself", func(t *testing.T) {
		t.Parallel()
		store := newLedger(t)
		outcome, err := newPurses(t, store, aggregate.Config{}).UpdateAll(digested(t.Context(), "c-1"),
			func(g *group) ([]change, error) {
				g.State("l/a")
				store.commit(t, "c-1", first...)
				g.Applied("l/a", "c-1")
				t.Error("not reached")
				return nil, errPoor
			})
		require.NoError(t, err)
		require.Equal(t, []string{"l/b 1 PaidIn", "l/c 1 PaidIn"}, told(outcome.Events))
	})
	t.Run("digests are not known", func(t *testing.T) {
		t.Parallel()
		store := newLedger(t)
		blind := on("", aggregate.On("l/x", paidIn{1}))
		store.commit(t, "c-1", first...)
		_, err := newPurses(t, store, aggregate.Config{}).UpdateAll(handling(t.Context(), "c-1"), blind)
		require.ErrorIs(t, err, eventstore.ErrCommandReused, "nobody can tell whether it is the same")
		_, err = newPurses(t, store, aggregate.Config{}).UpdateAll(handling(t.Context(), "c-2"), on("", first...))
		require.NoError(t, err)
		_, err = newPurses(t, store, aggregate.Config{}).UpdateAll(handling(t.Context(), "c-2"), blind)
		require.ErrorIs(t, err, eventstore.ErrCommandReused)
	})
}

// The last attempt meets its own command, which somebody else has handled.
func TestUpdateAllRaceOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		attempts int
		read     int // it is handled before this read of all; 0: before the check
	}{
		{"between the reads", 1, 2},
		{"before the check", 1, 0},
		{"before it is read ahead", 2, 3},
		{"while it is read ahead", 2, 4},
	} {
		for _, queues := range []bool{false, true} {
			t.Run(tt.name+map[bool]string{true: ", queued"}[queues], func(t *testing.T) {
				t.Parallel()
				store := &queueing{ledger: newLedger(t)}
				handle := func() {
					changes := []change{aggregate.On("l/a", paidIn{1}), aggregate.On("l/c", paidIn{2})}
					if queues {
						store.queue(t, false, "c-1", changes...)
					} else {
						store.commit(t, "c-1", changes...)
					}
				}
				store.read = func(string) {
					if len(store.reads) == tt.read {
						handle()
					}
				}
				store.entered = func() {
					store.entered = nil
					if tt.read == 0 {
						handle()
					} else if tt.attempts > 1 {
						store.pay(t, "l/a", paidIn{1})
					}
				}
				r := newPurses(t, store, aggregate.Config{MaxAttempts: tt.attempts})
				outcome, err := r.UpdateAll(digested(t.Context(), "c-1"), refuse("l/a l/b", errPoor))
				require.NoError(t, err)
				require.True(t, outcome.Repeated)
				require.Len(t, outcome.Events, 2)
			})
		}
	}
	t.Run("it is withdrawn", func(t *testing.T) {
		t.Parallel()
		store := &queueing{ledger: newLedger(t)}
		r := newPurses(t, store, aggregate.Config{MaxAttempts: 1})
		store.read = func(id string) {
			if id == "l/b" {
				store.read = nil
				store.queue(t, true, "c-1", aggregate.On("l/a", paidIn{1}))
			}
		}
		_, err := r.UpdateAll(digested(t.Context(), "c-1"), on("l/a l/b"))
		require.ErrorIs(t, err, eventstore.ErrConflict)
		require.ErrorContains(t, err, "update gave up after 1 attempts: ")
	})
}

// A command that is queued counts as applied once it is stored. If it breaks, it is decided anew.
func TestUpdateAllRepeatedQueued(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]string{"seen": "l/b", "not seen": "l/a"} {
		for _, breaks := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", it breaks"}[breaks], func(t *testing.T) {
				t.Parallel()
				store := &queueing{ledger: newLedger(t)}
				store.queue(t, breaks, "c-1", aggregate.On("l/b", paidIn{1}), aggregate.On("l/c", paidIn{1}))
				outcome, err := newPurses(t, store, aggregate.Config{}).UpdateAll(digested(t.Context(), "c-1"),
					on(look, aggregate.On(look, froze{})))
				require.NoError(t, err)
				require.True(t, store.settled)
				require.Equal(t, !breaks, outcome.Repeated)
				if breaks {
					require.Equal(t, []string{look + " 1 Froze"}, told(outcome.Events))
				} else {
					require.Equal(t, []string{"l/b 1 PaidIn", "l/c 1 PaidIn"}, told(outcome.Events))
				}
			})
		}
	}
}

// A handling makes one commit in a partition key, whatever the streams.
func TestUpdateAllSecondCommit(t *testing.T) {
	t.Parallel()
	type commit func(context.Context, *aggregate.Repository[purse], string) error
	updateAll := func(ctx context.Context, r *aggregate.Repository[purse], id string) error {
		return errOf(r.UpdateAll(ctx, on(id, aggregate.On(id, paidIn{1}), aggregate.On(id+"2", paidIn{1}))))
	}
	blind := func(ctx context.Context, r *aggregate.Repository[purse], id string) error {
		return errOf(r.UpdateAll(ctx, on("", aggregate.On(id, paidIn{1}), aggregate.On(id+"2", paidIn{1}))))
	}
	update := func(ctx context.Context, r *aggregate.Repository[purse], id string) error {
		return errOf(r.Update(ctx, id, func(purse) ([]purseEvent, error) { return []purseEvent{paidIn{1}}, nil }))
	}
	nothing := func(ctx context.Context, r *aggregate.Repository[purse], id string) error {
		return errOf(r.UpdateAll(ctx, refuse(id, nil)))
	}
	for name, commits := range map[string][2]commit{
		"UpdateAll, UpdateAll": {updateAll, updateAll}, "UpdateAll, Update": {updateAll, update},
		"Update, UpdateAll": {update, updateAll}, "Update, Update": {update, update},
		"Update, blind": {update, blind}, "blind, Update": {blind, update}, "Update, nothing to do": {update, nothing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newLedger(t)
			r := newPurses(t, store, aggregate.Config{})
			for range 2 { // the second time, the command is repeated as a whole
				ctx := digested(t.Context(), "c-1")
				require.NoError(t, commits[0](ctx, r, "l/a"))
				require.NoError(t, commits[0](ctx, r, "m/a"), "another partition key is another matter")
				stored := store.log(t)
				for _, id := range []string{"l/a", "l/b"} {
					err := commits[1](ctx, r, id)
					require.ErrorIs(t, err, aggregate.ErrSecondCommit)
					require.ErrorContains(t, err, `command "c-1" has made its commit, to Purse/l/a`)
					require.ErrorContains(t, err, "gather the events in one Update or UpdateAll")
				}
				require.Equal(t, stored, store.log(t))
			}
		})
	}
}

// The answer to the append is lost. The command comes again, and finds what it did.
func TestUpdateAllLostAnswer(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{50})
	store.after = func(c eventstore.Commit, _ eventstore.Result) error {
		if len(c.Records) > 0 {
			return eventstore.ErrOutcomeUnknown
		}
		return nil
	}
	r := newPurses(t, store, aggregate.Config{})
	ctx := digested(t.Context(), "c-1")
	_, err := r.UpdateAll(ctx, transfer{"l/a", "l/b", 20}.Decide)
	require.ErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	require.ErrorContains(t, err, "save Purse/l/a, Purse/l/b: ")
	outcome, err := r.UpdateAll(ctx, transfer{"l/a", "l/b", 20}.Decide)
	require.NoError(t, err, "an append that failed does not count as a commit of this handling")
	require.Equal(t, []string{"l/a 2 PaidOut", "l/b 1 PaidIn"}, told(outcome.Events))
	require.Len(t, store.log(t), 3)
}

// The events of the first commit cannot be loaded yet. The handler may ask again.
func TestUpdateAllRepeatedUnloaded(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.commit(t, "c-1", aggregate.On("l/a", paidIn{1}))
	away := errors.New("registry is away")
	codec := &jsonCodec{decode: away}
	r, err := aggregate.NewRepository(t.Context(), purses(), store, codec, aggregate.Config{})
	require.NoError(t, err)
	ctx := digested(t.Context(), "c-1")
	_, err = r.UpdateAll(ctx, undecided(t))
	require.ErrorIs(t, err, away)
	require.ErrorContains(t, err, `update Purse/l/b: load what command "c-1" did to Purse/l/a: `)
	codec.decode = nil
	outcome, err := r.UpdateAll(ctx, undecided(t))
	require.NoError(t, err)
	require.Equal(t, []string{"l/a 1 PaidIn"}, told(outcome.Events))
}
