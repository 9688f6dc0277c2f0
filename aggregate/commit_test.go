package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// recordedBus keeps the events that are published.
type recordedBus struct {
	events []event.Envelope[any]
	err    error // what its handler answers
}

func (b *recordedBus) bus(t *testing.T) *event.Bus {
	t.Helper()
	types, err := event.NewTypes(shops().Events()...)
	require.NoError(t, err)
	bus := event.NewBus(types, event.BusConfig{Logger: slog.New(slog.DiscardHandler)})
	bus.SubscribeAll(func(_ context.Context, e event.Envelope[any]) error {
		b.events = append(b.events, e)
		return b.err
	})
	return bus
}

type stock struct {
	ShopID string
	Count  int
}

type restock struct{ ShopID string }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func counting() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("id-%d", n) }
}

func TestUpdateHeaders(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	r := newRepository(t, store, aggregate.Config{Now: func() time.Time { return noon }, NewID: counting()})
	commands := command.NewBus(command.Config{})
	require.NoError(t, command.Register(commands, func(ctx context.Context, c stock) (eventstore.Outcome, error) {
		return r.Update(ctx, c.ShopID, decides(opened{Owner: "ada"}, stocked{Count: c.Count}))
	}))
	ctx := event.WithCause(t.Context(), event.Cause{
		TraceParent: "00-aa-bb-01", Metadata: map[string]string{"tenant": "t"},
	})

	require.NoError(t, errOf(commands.Dispatch(ctx, stock{ShopID: "s-1", Count: 2},
		command.WithID("c-1"), command.WithCorrelationID("k-1"), command.WithActor("user-1"),
		command.WithMetadata(map[string]string{"source": "web"}))))

	want := event.Header{
		ID: "id-1", Type: "Opened", Revision: 3, Category: "Shop", AggregateID: "s-1", AggregateVersion: 1,
		Timestamp: noon, CorrelationID: "k-1", CausationID: "c-1", CommandID: "c-1", ActorID: "user-1",
		TraceParent: "00-aa-bb-01", Metadata: map[string]string{"tenant": "t", "source": "web"},
	}
	got := history(t, r, "s-1")
	require.Len(t, got, 2)
	require.Len(t, got[0].CommandDigest, 32)
	want.CommandDigest = got[0].CommandDigest
	require.Equal(t, want, got[0].Header)
	require.Equal(t, []shopEvent{opened{Owner: "ada"}}, got[0].Events)
	want.ID, want.Type, want.AggregateVersion = "id-2", "Stocked", 2
	want.CommandDigest = "" // only the first event of a commit has it
	require.Equal(t, want, got[1].Header)
	require.Equal(t, []shopEvent{stocked{Count: 2}}, got[1].Events)
}

func TestUpdateHeadersOutsideCommand(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newStore(t), aggregate.Config{})
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides(opened{}, stocked{}))))
	got := history(t, r, "s-1")
	require.NotEmpty(t, got[0].CorrelationID)
	require.Equal(t, got[0].CorrelationID, got[1].CorrelationID, "one commit, one conversation")
	require.NotEqual(t, got[0].ID, got[1].ID)
	require.Empty(t, got[0].CausationID)
	require.Empty(t, got[0].CommandID)
	require.False(t, got[0].Timestamp.IsZero())
}

// TestUpdateCausation goes from command to event, event handler, command and event. That is one
// conversation, and each is caused by the one before.
func TestUpdateCausation(t *testing.T) {
	t.Parallel()
	types, err := event.NewTypes(shops().Events()...)
	require.NoError(t, err)
	events := event.NewBus(types, event.BusConfig{})
	r := newRepository(t, newStore(t), aggregate.Config{Bus: events})
	commands := command.NewBus(command.Config{})
	require.NoError(t, command.Register(commands, func(ctx context.Context, c stock) (eventstore.Outcome, error) {
		return r.Update(ctx, c.ShopID, decides(opened{}))
	}))
	var restocking command.Metadata
	require.NoError(t, command.Register(commands, func(ctx context.Context, c restock) (eventstore.Outcome, error) {
		restocking, _ = command.MetadataFrom(ctx)
		return r.Update(ctx, c.ShopID, decides(stocked{Count: 7}))
	}))
	require.NoError(t, event.Subscribe(events, func(ctx context.Context, e event.Envelope[opened]) error {
		_, err := commands.Dispatch(ctx, restock{ShopID: e.AggregateID})
		return err
	}))

	_, err = commands.Dispatch(t.Context(), stock{ShopID: "s-1"}, command.WithID("c-1"), command.WithActor("user-1"))
	require.NoError(t, err)

	got := history(t, r, "s-1")
	require.Len(t, got, 2)
	first, second := got[0].Header, got[1].Header
	require.Equal(t, "c-1", first.CausationID)
	require.Equal(t, first.ID, restocking.CausationID, "the event caused the second command")
	require.Equal(t, restocking.ID, second.CausationID)
	require.Equal(t, restocking.ID, second.CommandID)
	require.Equal(t, first.ID, second.CommandCausationID, "what led to the command is recorded with what it did")
	require.Empty(t, first.CommandCausationID, "nothing led to a request from outside")
	require.Equal(t, first.CorrelationID, second.CorrelationID)
	require.Equal(t, "user-1", second.ActorID)
}

func TestDispatchRepeatedCommand(t *testing.T) {
	t.Parallel()
	published := &recordedBus{}
	r := newRepository(t, newStore(t), aggregate.Config{Bus: published.bus(t)})
	again := func(next command.Handler) command.Handler {
		return func(ctx context.Context, cmd any) (eventstore.Outcome, error) {
			_, err := next(ctx, cmd)
			done, again := next(ctx, cmd)
			return done, errors.Join(err, again)
		}
	}
	commands := command.NewBus(command.Config{Middleware: []command.Middleware{again}})
	require.NoError(t, command.Register(commands, func(ctx context.Context, c stock) (eventstore.Outcome, error) {
		return r.Update(ctx, c.ShopID, decides(stocked{Count: c.Count}))
	}))
	for range 3 {
		require.NoError(t, errOf(commands.Dispatch(t.Context(), stock{ShopID: "s-1", Count: 2}, command.WithID("c-1"))))
	}
	require.NoError(t, errOf(commands.Dispatch(t.Context(), stock{ShopID: "s-1", Count: 2})))
	require.Len(t, history(t, r, "s-1"), 2)
	require.Len(t, published.events, 2, "published once each")
}

func TestUpdatePublishes(t *testing.T) {
	t.Parallel()
	published := &recordedBus{err: errors.New("a handler's failure is not the command's")}
	store := &tampered{Store: newStore(t)}
	store.after = func() error { require.Empty(t, published.events, "not before they are stored"); return nil }
	r := newRepository(t, store, aggregate.Config{Bus: published.bus(t)})

	decide := decides(opened{Owner: "ada"}, stocked{Count: 1}, stocked{Count: 2})
	require.NoError(t, errOf(r.Update(handling(t.Context(), "c-1"), "s-1", decide)))

	stored := history(t, r, "s-1")
	require.Len(t, published.events, len(stored))
	for i, e := range stored {
		require.Equal(t, e.Header, published.events[i].Header)
		require.Equal(t, e.Position, published.events[i].Position)
		require.Equal(t, []shopEvent{published.events[i].Event.(shopEvent)}, e.Events)
	}
}

func TestUpdateUnknownOutcome(t *testing.T) {
	t.Parallel()
	published := &recordedBus{}
	store := &tampered{Store: newStore(t), after: func() error { return eventstore.ErrOutcomeUnknown }}
	r := newRepository(t, store, aggregate.Config{Bus: published.bus(t)})
	require.Error(t, errOf(r.Update(t.Context(), "s-1", decides(opened{}))))
	require.Empty(t, published.events)
}
