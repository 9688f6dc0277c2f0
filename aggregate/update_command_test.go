package aggregate_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// handling returns a context in which a command is being handled.
func handling(ctx context.Context, commandID string) context.Context {
	return event.WithCause(ctx, event.Cause{CorrelationID: "k", CausationID: commandID, CommandID: commandID})
}

func TestUpdateRepeatedCommand(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newStore(t), aggregate.Config{})
	require.NoError(t, errOf(r.Update(handling(t.Context(), "c-1"), "s-1", decides(stocked{Count: 1}))))
	require.NoError(t, errOf(r.Update(handling(t.Context(), "c-2"), "s-1", decides(stocked{Count: 2}))))

	_, err := r.Update(handling(t.Context(), "c-1"), "s-1", func(shop) ([]shopEvent, error) {
		t.Error("decided again")
		return nil, errors.New("out of stock by now")
	})

	require.NoError(t, err)
	require.Equal(t, []shopEvent{stocked{Count: 1}, stocked{Count: 2}}, plain(history(t, r, "s-1")))
	require.NoError(t, errOf(r.Update(handling(t.Context(), "c-1"), "s-2", decides(stocked{Count: 3}))),
		"another stream is another matter")
	require.Len(t, history(t, r, "s-2"), 1)
}

// TestUpdateReusedCommandID dispatches commands of one id. The second is a repetition only if its
// content is the same.
func TestUpdateReusedCommandID(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	r := newRepository(t, store, aggregate.Config{})
	bus := command.NewBus(command.Config{})
	require.NoError(t, command.Register(bus, func(ctx context.Context, c stock) (eventstore.Outcome, error) {
		return r.Update(ctx, c.ShopID, decides(stocked{Count: c.Count}, stocked{Count: 1}))
	}))
	require.NoError(t, command.Register(bus, func(ctx context.Context, c restock) (eventstore.Outcome, error) {
		root := r.Type().New(c.ShopID)
		require.NoError(t, root.Apply(stocked{Count: 9}))
		return r.Save(ctx, root)
	}))
	dispatch := func(c any) error {
		_, err := bus.Dispatch(t.Context(), c, command.WithID("c-1"))
		return err
	}
	require.NoError(t, dispatch(stock{ShopID: "s-1", Count: 5}))
	require.NoError(t, dispatch(stock{ShopID: "s-1", Count: 5}), "repeated")
	before := history(t, r, "s-1")

	for _, c := range []any{stock{ShopID: "s-1", Count: 6}, restock{ShopID: "s-1"}} {
		err := dispatch(c)
		require.ErrorIs(t, err, eventstore.ErrCommandReused, "%T", c)
		var reused *eventstore.CommandReusedError
		require.ErrorAs(t, err, &reused)
		require.Equal(t, before[0].CommandDigest, reused.Stored)
		require.Equal(t, eventstore.Stream{Category: "Shop", ID: "s-1"}, reused.Stream)
		require.ErrorContains(t, err, "give each command another id")
		require.Equal(t, before, history(t, r, "s-1"), "nothing is stored")
	}
	require.NoError(t, errOf(r.Update(handling(t.Context(), "c-1"), "s-1", decides(stocked{Count: 7}))),
		"without a digest nobody can tell")
	require.Equal(t, before, history(t, r, "s-1"))
}

// TestUpdateReusedCommandIDRace lets another process store the other command after this one has
// loaded.
func TestUpdateReusedCommandIDRace(t *testing.T) {
	t.Parallel()
	inner := newStore(t)
	other := newRepository(t, inner, aggregate.Config{})
	with := func(digest string) context.Context {
		return event.WithCause(t.Context(), event.Cause{CorrelationID: "k", CommandID: "c-1", CommandDigest: digest})
	}
	store := &tampered{
		Store:  inner,
		before: func() { require.NoError(t, errOf(other.Update(with("d-1"), "s-1", decides(stocked{Count: 1})))) },
	}
	_, err := newRepository(t, store, aggregate.Config{}).Update(with("d-2"), "s-1", decides(stocked{Count: 2}))
	require.ErrorIs(t, err, eventstore.ErrCommandReused)
	require.Equal(t, []shopEvent{stocked{Count: 1}}, plain(history(t, other, "s-1")))
}

// Two processes handle the same command. The other one stores its commit after this one has loaded.
func TestUpdateRepeatedCommandRace(t *testing.T) {
	t.Parallel()
	inner := newStore(t)
	published := &recordedBus{}
	other := newRepository(t, inner, aggregate.Config{})
	store := &tampered{Store: inner, before: func() {
		require.NoError(t, errOf(other.Update(handling(t.Context(), "c-1"), "s-1", decides(stocked{Count: 1}))))
	}}
	r := newRepository(t, store, aggregate.Config{Bus: published.bus(t)})

	require.NoError(t, errOf(r.Update(handling(t.Context(), "c-1"), "s-1", decides(stocked{Count: 1}))))

	require.Equal(t, []shopEvent{stocked{Count: 1}}, plain(history(t, r, "s-1")))
	require.Empty(t, published.events, "it was published where it was stored")
}

func TestUpdateSecondCommit(t *testing.T) {
	t.Parallel()
	update := func(ctx context.Context, r *aggregate.Repository[shop], id string, count int) error {
		return errOf(r.Update(ctx, id, decides(stocked{Count: count})))
	}
	save := func(ctx context.Context, r *aggregate.Repository[shop], id string, count int) error {
		root, err := r.Load(ctx, id)
		require.NoError(t, err)
		require.NoError(t, root.Apply(stocked{Count: count}))
		return errOf(r.Save(ctx, root))
	}
	type commit func(context.Context, *aggregate.Repository[shop], string, int) error
	for _, tt := range []struct {
		name          string
		first, second commit
	}{
		{"Update, Update", update, update},
		{"Update, Save", update, save},
		{"Save, Update", save, update},
		{"Save, Save", save, save},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t, newStore(t), aggregate.Config{})
			for range 2 { // the second time, the command is repeated as a whole
				ctx := handling(t.Context(), "c-1")
				require.NoError(t, tt.first(ctx, r, "s-1", 1))
				require.NoError(t, tt.first(ctx, r, "s-2", 5), "another stream is another matter")
				err := tt.second(ctx, r, "s-1", 2)
				require.ErrorIs(t, err, aggregate.ErrSecondCommit)
				require.ErrorContains(t, err, "Shop/s-1")
				require.Equal(t, []shopEvent{stocked{Count: 1}}, plain(history(t, r, "s-1")))
			}
			inEventHandler := event.WithCause(t.Context(), event.Cause{CorrelationID: "k", CausationID: "e-1"})
			require.NoError(t, update(inEventHandler, r, "s-1", 3), "without a command there is no such rule")
			require.NoError(t, update(inEventHandler, r, "s-1", 4))
		})
	}
}

func TestUpdateRetry(t *testing.T) {
	t.Parallel()
	t.Run("its outcome was unknown, but it was stored", func(t *testing.T) {
		t.Parallel()
		store := &tampered{Store: newStore(t), after: func() error { return eventstore.ErrOutcomeUnknown }}
		r := newRepository(t, store, aggregate.Config{})
		ctx := handling(t.Context(), "c-1")
		require.ErrorIs(t, errOf(r.Update(ctx, "s-1", decides(stocked{Count: 1}))), eventstore.ErrOutcomeUnknown)
		require.NoError(t, errOf(r.Update(ctx, "s-1", decides(stocked{Count: 1}))))
		require.Len(t, history(t, r, "s-1"), 1)
	})
	t.Run("it was refused", func(t *testing.T) {
		t.Parallel()
		r := newRepository(t, newStore(t), aggregate.Config{})
		ctx := handling(t.Context(), "c-1")
		refused := errors.New("no")
		require.ErrorIs(t, errOf(r.Update(ctx, "s-1", func(shop) ([]shopEvent, error) { return nil, refused })),
			refused)
		require.NoError(t, errOf(r.Update(ctx, "s-1", decides(stocked{Count: 1}))))
		require.Len(t, history(t, r, "s-1"), 1)
	})
}
