package aggregate_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// did returns the outcome of a command that made these events.
func did(commandID string, repeated bool, stored []event.Stored[shopEvent]) eventstore.Outcome {
	o := eventstore.Outcome{CommandID: commandID}
	first, last := stored[0], stored[len(stored)-1]
	stream := eventstore.Stream{Category: first.Category, ID: first.AggregateID}
	o.Streams = []eventstore.Written{{Stream: stream, First: first.AggregateVersion, Last: last.AggregateVersion}}
	o.Position, o.Repeated = last.Position, repeated
	if !repeated {
		o.Time = last.Timestamp
	}
	for _, s := range stored {
		one := event.Stored[any]{Header: s.Header, Position: s.Position}
		for _, e := range s.Events {
			one.Events = append(one.Events, e)
		}
		o.Events = append(o.Events, one)
	}
	return o
}

func TestUpdateOutcome(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newStore(t), aggregate.Config{})
	_, err := r.Update(t.Context(), "s-1", decides(opened{Owner: "ada"}))
	require.NoError(t, err)
	ctx := handling(t.Context(), "c-1")
	first, err := r.Update(ctx, "s-1", decides(stocked{Count: 1}, stocked{Count: 2}))
	require.NoError(t, err)
	_, err = r.Update(t.Context(), "s-1", decides(stocked{Count: 3}))
	require.NoError(t, err)

	all := history(t, r, "s-1")
	require.Equal(t, did("c-1", false, all[1:3]), first)
	again, err := r.Update(handling(t.Context(), "c-1"), "s-1", decides(stocked{Count: 9}))
	require.NoError(t, err)
	require.Equal(t, did("c-1", true, all[1:3]), again)
	nothing, err := r.Update(handling(t.Context(), "c-2"), "s-1", decides())
	require.NoError(t, err)
	require.Equal(t, eventstore.Outcome{CommandID: "c-2"}, nothing)
	require.Len(t, history(t, r, "s-1"), 4)
}

func TestSaveOutcome(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newStore(t), aggregate.Config{})
	save := func(count int) (eventstore.Outcome, error) {
		root := r.Type().New("s-1")
		require.NoError(t, root.Apply(stocked{Count: count}))
		return r.Save(handling(t.Context(), "c-1"), root)
	}
	first, err := save(1)
	require.NoError(t, err)
	require.Equal(t, did("c-1", false, history(t, r, "s-1")), first)
	again, err := save(2)
	require.NoError(t, err)
	require.Equal(t, did("c-1", true, history(t, r, "s-1")), again)
	nothing, err := r.Save(handling(t.Context(), "c-2"), r.Type().New("s-1"))
	require.NoError(t, err)
	require.Equal(t, eventstore.Outcome{CommandID: "c-2"}, nothing)
}

// The other process stores the command's commit after this one has loaded.
func TestUpdateOutcomeRace(t *testing.T) {
	t.Parallel()
	inner := newStore(t)
	other := newRepository(t, inner, aggregate.Config{})
	store := &tampered{Store: inner, before: func() {
		_, err := other.Update(handling(t.Context(), "c-1"), "s-1", decides(stocked{Count: 1}))
		require.NoError(t, err)
	}}
	done, err := newRepository(t, store, aggregate.Config{}).Update(
		handling(t.Context(), "c-1"), "s-1", decides(stocked{Count: 1}))
	require.NoError(t, err)
	require.Equal(t, did("c-1", true, history(t, other, "s-1")), done)
}

func TestDispatchOutcome(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newStore(t), aggregate.Config{})
	bus := command.NewBus(command.Config{})
	require.NoError(t, command.Register(bus, func(ctx context.Context, c stock) (eventstore.Outcome, error) {
		return r.Update(ctx, c.ShopID, decides(stocked{Count: c.Count}))
	}))
	for _, repeated := range []bool{false, true} {
		done, err := bus.Dispatch(t.Context(), stock{ShopID: "s-1", Count: 2}, command.WithID("c-1"))
		require.NoError(t, err)
		require.Equal(t, did("c-1", repeated, history(t, r, "s-1")), done)
	}
}
