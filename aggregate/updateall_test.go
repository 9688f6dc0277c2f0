package aggregate_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

func TestUpdateAll(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{50})
	types, err := event.NewTypes(purses().Events()...)
	require.NoError(t, err)
	bus := event.NewBus(types, event.BusConfig{Logger: slog.New(slog.DiscardHandler)})
	var published []event.Envelope[any]
	bus.SubscribeAll(func(_ context.Context, e event.Envelope[any]) error {
		published = append(published, e)
		return nil
	})
	store.after = func(eventstore.Commit, eventstore.Result) error {
		require.Empty(t, published, "not before they are stored")
		return nil
	}
	r := newPurses(t, store, aggregate.Config{
		Bus: bus, NewID: counting(), Now: func() time.Time { return noon },
	})

	outcome, err := r.UpdateAll(digested(t.Context(), "c-1"), transfer{"l/a", "l/b", 20}.Decide)

	require.NoError(t, err)
	require.Equal(t, "c-1", outcome.CommandID)
	require.Equal(t, []eventstore.Written{
		{Stream: r.Stream("l/a"), First: 2, Last: 2}, {Stream: r.Stream("l/b"), First: 1, Last: 1},
	}, outcome.Streams)
	require.Equal(t, []string{"l/a 2 PaidOut", "l/b 1 PaidIn"}, told(outcome.Events))
	require.Equal(t, "d", outcome.Events[0].CommandDigest)
	require.Empty(t, outcome.Events[1].CommandDigest, "only the first event of a commit has it")
	require.Equal(t, "id-2", outcome.Events[1].ID)
	require.Equal(t, store.log(t)[1:], outcome.Events)
	require.Len(t, published, 2)
	for i, e := range outcome.Events {
		require.Equal(t, e.Header, published[i].Header)
		require.Equal(t, e.Position, published[i].Position)
		require.Equal(t, e.Events, []any{published[i].Event})
	}
	commit, _ := store.last(t)
	require.Equal(t, []string{"l/a 1", "l/b 0"}, expected(commit))
}

// Records are in the order of the changes and their events. One aggregate may have several changes.
func TestUpdateAllOrder(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	r := newPurses(t, store, aggregate.Config{})
	outcome, err := r.UpdateAll(t.Context(), on("l/b l/a",
		aggregate.On("l/a", paidIn{1}, paidIn{2}),
		change{ID: "l/x"},
		aggregate.On("l/b", paidIn{3}),
		aggregate.On("l/a", paidOut{1}, froze{}),
		aggregate.On("l/c", paidIn{4}),
	))
	require.NoError(t, err)
	require.Equal(t, []string{
		"l/a 1 PaidIn", "l/a 2 PaidIn", "l/b 1 PaidIn", "l/a 3 PaidOut", "l/a 4 Froze", "l/c 1 PaidIn",
	}, told(outcome.Events))
	require.Equal(t, store.log(t), outcome.Events)
	commit, _ := store.last(t)
	require.Equal(t, []string{"l/b 0", "l/a 0", "l/c 0"}, expected(commit), "a change without events is nothing")
}

func TestUpdateAllStates(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{50}, heirNamed{"l/b"})
	store.pay(t, "l/b", paidIn{7})
	var seen []purse
	decoded := 0
	r, err := aggregate.NewRepository(t.Context(), purses(), store,
		decodes{note: func(string) { decoded++ }}, aggregate.Config{})
	require.NoError(t, err)
	_, err = r.UpdateAll(t.Context(), func(g *group) ([]change, error) {
		a := g.State("l/a")
		seen = append(seen, a, g.State(a.Heir), g.State("l/new"), g.State("l/a"))
		return nil, nil
	})
	require.NoError(t, err)
	require.Equal(t, []purse{{Balance: 50, Heir: "l/b"}, {Balance: 7}, {}, {Balance: 50, Heir: "l/b"}}, seen)
	require.Equal(t, []string{"l/a", "l/b", "l/new"}, store.reads, "each is read once")
	require.Equal(t, 3, decoded, "and decoded once")
}

// An answer without events is told only after a check of all that the decision has looked at.
func TestUpdateAllWithoutEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		decide func(*group) ([]change, error)
		err    error
	}{
		{"refused", transfer{"l/a", "l/b", 60}.Decide, errPoor},
		{"nothing", on("l/a"), nil},
		{"no events", on("l/a", change{ID: "l/b"}), nil},
		{"refused with changes", func(g *group) ([]change, error) {
			return []change{aggregate.On("l/a", froze{})}, refusedBy(g)
		}, errPoor},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := newLedger(t)
			store.pay(t, "l/a", paidIn{50})
			r := newPurses(t, store, aggregate.Config{})
			outcome, err := r.UpdateAll(digested(t.Context(), "c-1"), tt.decide)
			require.Equal(t, tt.err, err, "as it is")
			require.Equal(t, eventstore.Outcome{CommandID: "c-1"}, outcome)
			check, n := store.last(t)
			require.Equal(t, 1, n)
			require.Empty(t, check.Records)
			require.False(t, check.Unconfirmed)
			require.Equal(t, []string{"l/a 1"}, expected(check))

			_, err = r.UpdateAll(t.Context(), tt.decide, aggregate.Unconfirmed())
			require.Equal(t, tt.err, err)
			check, _ = store.last(t)
			require.True(t, check.Unconfirmed)
		})
	}
}

func refusedBy(g *group) error {
	g.State("l/a")
	return errPoor
}

func TestUpdateAllCheckFails(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	r := newPurses(t, store, aggregate.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	store.before = func(eventstore.Commit) { cancel() }
	_, err := r.UpdateAll(ctx, refuse("l/a l/b l/c l/d l/e", errPoor))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, errPoor)
	require.ErrorContains(t, err, "update Purse/l/a, Purse/l/b, Purse/l/c and 2 more: ")
}

// A decision that looks at nothing rests on nothing.
func TestUpdateAllWithoutReading(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	r := newPurses(t, store, aggregate.Config{})
	outcome, err := r.UpdateAll(digested(t.Context(), "c-1"), on(""))
	require.NoError(t, err)
	require.Equal(t, eventstore.Outcome{CommandID: "c-1"}, outcome)
	_, err = r.UpdateAll(t.Context(), refuse("", errPoor))
	require.Equal(t, errPoor, err)
	require.Empty(t, store.appends)

	outcome, err = r.UpdateAll(t.Context(), on("", aggregate.On("l/a", paidIn{1}), aggregate.On("l/b", paidIn{2})))
	require.NoError(t, err)
	require.Equal(t, []string{"l/a 1 PaidIn", "l/b 1 PaidIn"}, told(outcome.Events))
	commit, _ := store.last(t)
	require.Equal(t, []string{"l/a 0", "l/b 0"}, expected(commit), "so that it is queued behind what is queued")
	for _, e := range commit.Expect {
		require.NotNil(t, e.Tip)
	}
}

func TestUpdateAllErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, tt := range []struct {
		name   string
		codec  jsonCodec
		decide func(*group) ([]change, error)
		is     error
		says   string
	}{
		{"another partition key is read", jsonCodec{}, on("l/a m/b"), eventstore.ErrInvalid, "load Purse/m/b: "},
		{
			"another partition key is changed",
			jsonCodec{},
			on("l/a", aggregate.On("l/a", paidIn{1}), aggregate.On("m/b", paidIn{1})),
			eventstore.ErrInvalid, "save Purse/l/a, Purse/m/b: ",
		},
		{"no id", jsonCodec{}, on("" + "/"), eventstore.ErrInvalid, "load Purse//: "},
		{
			"no id is changed",
			jsonCodec{},
			on("l/a", aggregate.On("", paidIn{1})),
			eventstore.ErrInvalid, "load Purse/: ",
		},
		{
			"unnamed event",
			jsonCodec{},
			on("l/a", aggregate.On("l/b", unlisted{})),
			aggregate.ErrUnnamedEvent, "update Purse/l/b: event aggregate_test.unlisted",
		},
		{
			"not encoded",
			jsonCodec{encode: broken},
			on("l/a", aggregate.On("l/b", paidIn{1})), broken,
			"save Purse/l/b: encode PaidIn: ",
		},
		{
			"not decoded again",
			jsonCodec{decode: broken},
			on("", aggregate.On("l/b", paidIn{1}), aggregate.On("l/c", paidIn{1})),
			broken, "save Purse/l/b, Purse/l/c: not stored, as what was encoded cannot be decoded",
		},
		{
			"not decoded",
			jsonCodec{decode: broken},
			on("l/b l/a"),
			eventstore.ErrUndecodable, "load Purse/l/a: event PaidIn of",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := newLedger(t)
			store.pay(t, "l/a", paidIn{50})
			r, err := aggregate.NewRepository(t.Context(), purses(), store, tt.codec, aggregate.Config{})
			require.NoError(t, err)
			_, err = r.UpdateAll(t.Context(), tt.decide)
			require.ErrorIs(t, err, tt.is)
			require.ErrorContains(t, err, tt.says)
			require.Len(t, store.log(t), 1, "nothing is stored")
		})
	}
}

// unlisted is an event of purses that their type does not list.
type unlisted struct{}

func (unlisted) EventType() string { return "Unlisted" }
func (unlisted) Apply(*purse)      {}

// The events are stored as they are when the decision returns, whatever they share.
func TestUpdateAllCopies(t *testing.T) {
	t.Parallel()
	store, err := newShared(t)
	require.NoError(t, err)
	shared := filled{Lines: map[string]int{"apple": 1}}
	outcome, err := store.UpdateAll(t.Context(), func(*aggregate.Group[basket]) ([]aggregate.Change[basket], error) {
		return []aggregate.Change[basket]{aggregate.On("b-1", shared, shared)}, nil
	})
	shared.spoil()
	require.NoError(t, err)
	outcome.Events[0].Events[0].(filled).spoil()
	require.Equal(t, []any{filled{Lines: map[string]int{"apple": 1}}}, outcome.Events[1].Events)
}

func newShared(t *testing.T) (*aggregate.Repository[basket], error) {
	t.Helper()
	return aggregate.NewRepository(t.Context(), baskets(), newStoreOf(t, "Basket"), jsonCodec{}, aggregate.Config{})
}

func TestHandleAll(t *testing.T) {
	t.Parallel()
	store := newLedger(t)
	store.pay(t, "l/a", paidIn{50})
	bus := command.NewBus(command.Config{})
	r := newPurses(t, store, aggregate.Config{})
	require.NoError(t, command.Register(bus, aggregate.HandleAll(r, transfer.Decide)))
	for _, repeated := range []bool{false, true} {
		done, err := bus.Dispatch(t.Context(), transfer{"l/a", "l/b", 30}, command.WithID("c-1"))
		require.NoError(t, err)
		require.Equal(t, repeated, done.Repeated)
		require.Equal(t, store.log(t)[1:], done.Events)
	}
	_, err := bus.Dispatch(t.Context(), transfer{"l/a", "l/b", 30})
	require.Equal(t, errPoor, err)
	_, err = bus.Dispatch(t.Context(), transfer{"l/a", "l/b", 20}, command.WithID("c-1"))
	require.ErrorIs(t, err, eventstore.ErrCommandReused)
}
