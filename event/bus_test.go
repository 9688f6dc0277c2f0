package event_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type (
	opened   struct{ Owner string }
	credited struct{ Amount int }
	unnamed  struct{}
)

func types(t testing.TB) *event.Types {
	t.Helper()
	all, err := event.NewTypes(
		event.Type{Category: "Account", Name: "AccountOpened", Go: reflect.TypeFor[opened]()},
		event.Type{Category: "Account", Name: "AccountCredited", Go: reflect.TypeFor[credited]()},
	)
	require.NoError(t, err)
	return all
}

// bus returns one that logs into the returned builder.
func bus(t testing.TB) (*event.Bus, *strings.Builder) {
	t.Helper()
	log := new(strings.Builder)
	return event.NewBus(types(t), event.BusConfig{Logger: slog.New(slog.NewTextHandler(log, nil))}), log
}

func envelope(id string, e any) event.Envelope[any] {
	return event.Envelope[any]{
		Header: event.Header{
			ID: id, Type: "SomeType", Category: "Account", AggregateID: "a-1", AggregateVersion: 3,
			CorrelationID: "correlation", CausationID: "command", CommandID: "command", ActorID: "user-1",
			TraceParent: "trace", Metadata: map[string]string{"tenant": "t-1"},
		},
		Position: event.Position{Partition: 2, Offset: 7},
		Event:    e,
	}
}

func TestBusOrder(t *testing.T) {
	t.Parallel()
	b, _ := bus(t)
	var got []string
	b.SubscribeAll(func(_ context.Context, e event.Envelope[any]) error {
		got = append(got, "all "+e.ID)
		return nil
	})
	for _, name := range []string{"first", "second"} {
		require.NoError(t, event.Subscribe(b, func(_ context.Context, e event.Envelope[opened]) error {
			got = append(got, name+" "+e.ID+" "+e.Event.Owner)
			return nil
		}))
	}
	require.NoError(t, event.Subscribe(b, func(_ context.Context, e event.Envelope[credited]) error {
		got = append(got, fmt.Sprint("credited ", e.ID, " ", e.Event.Amount))
		return nil
	}))
	require.NoError(t,
		b.Publish(t.Context(), envelope("e-1", opened{"Ann"}), envelope("e-2", credited{5}),
			envelope("e-3", opened{"Bob"})))
	require.Equal(t, []string{
		"first e-1 Ann", "second e-1 Ann", "all e-1", "credited e-2 5", "all e-2", "first e-3 Bob", "second e-3 Bob",
		"all e-3",
	}, got)
}

func TestBusEnvelope(t *testing.T) {
	t.Parallel()
	b, _ := bus(t)
	sent := envelope("e-1", opened{"Ann"})
	var typed event.Envelope[opened]
	var untyped event.Envelope[any]
	require.NoError(t,
		event.Subscribe(b, func(_ context.Context, e event.Envelope[opened]) error { typed = e; return nil }))
	b.SubscribeAll(func(_ context.Context, e event.Envelope[any]) error { untyped = e; return nil })
	require.NoError(t, b.Publish(t.Context(), sent))
	require.Equal(t, event.Envelope[opened]{Header: sent.Header, Position: sent.Position, Event: opened{"Ann"}}, typed)
	require.Equal(t, sent, untyped)
}

func TestBusWithoutSubscribers(t *testing.T) {
	t.Parallel()
	b, log := bus(t)
	require.NoError(t, b.Publish(t.Context()))
	require.NoError(t, b.Publish(t.Context(), envelope("e-1", opened{}), envelope("e-2", unnamed{})))
	require.Empty(t, log.String())
}

// TestBusCause shows what a handler's context carries, whatever the publisher's carried.
func TestBusCause(t *testing.T) {
	t.Parallel()
	b, _ := bus(t)
	var typed, untyped event.Cause
	require.NoError(t, event.Subscribe(b, func(ctx context.Context, _ event.Envelope[opened]) error {
		typed = event.CauseFrom(ctx)
		return nil
	}))
	b.SubscribeAll(func(ctx context.Context, _ event.Envelope[any]) error {
		untyped = event.CauseFrom(ctx)
		return nil
	})
	publisher := event.WithCause(t.Context(), event.Cause{
		CorrelationID: "other", CausationID: "other", CommandID: "other",
	})
	require.NoError(t, b.Publish(publisher, envelope("e-1", opened{})))
	want := event.Cause{
		CorrelationID: "correlation", CausationID: "e-1", ActorID: "user-1", TraceParent: "trace",
		Metadata: map[string]string{"tenant": "t-1"},
	}
	require.Equal(t, want, typed)
	require.Equal(t, want, untyped)
}

func TestBusFailures(t *testing.T) {
	t.Parallel()
	b, log := bus(t)
	refused, broken := errors.New("refused"), errors.New("broken")
	var delivered []string
	require.NoError(t, event.Subscribe(b, func(context.Context, event.Envelope[opened]) error { return refused }))
	require.NoError(t,
		event.Subscribe(b, func(context.Context, event.Envelope[opened]) error { panicHere(broken); return nil }))
	b.SubscribeAll(func(context.Context, event.Envelope[any]) error { panic("and here") })
	b.SubscribeAll(func(_ context.Context, e event.Envelope[any]) error {
		delivered = append(delivered, e.ID)
		return nil
	})

	for range 2 {
		err := b.Publish(t.Context(), envelope("e-1", opened{}), envelope("e-2", credited{}))
		require.ErrorIs(t, err, refused)
		require.ErrorIs(t, err, broken, "a panic with an error is still that error")
		var p *event.PanicError
		require.ErrorAs(t, err, &p)
		require.Equal(t, "event handler of Account.AccountOpened", p.In)
		require.Equal(t, broken, p.Value)
		require.Contains(t, string(p.Stack), "panicHere", "the stack leads to the line")
		require.Len(t, strings.Split(err.Error(), "\n"), 4,
			"two of the event's type, and one of all for each event:\n%s", err)
		require.ErrorContains(t, err,
			`SomeType e-1 of Account "a-1": event handler of Account.AccountOpened panicked: broken`)
		require.ErrorContains(t, err, `SomeType e-2 of Account "a-1": event handler of all events panicked: and here`)
	}
	require.Equal(t, []string{"e-1", "e-2", "e-1", "e-2"}, delivered)
	require.Equal(t, 8, strings.Count(log.String(), "event handler failed"))
	require.Equal(t, 6, strings.Count(log.String(), "stack="), "panics are logged with their stack")
	require.Contains(t, log.String(), "correlationId=correlation")
}

func panicHere(v any) { panic(v) }

func TestSubscribeUnnamedType(t *testing.T) {
	t.Parallel()
	b, _ := bus(t)
	err := event.Subscribe(b, func(context.Context, event.Envelope[unnamed]) error { return nil })
	require.ErrorContains(t, err, "event_test.unnamed: it has no durable name")
	require.Error(t, event.Subscribe(b, func(context.Context, event.Envelope[*opened]) error { return nil }),
		"a pointer is another type")
	require.Error(t,
		event.Subscribe(event.NewBus(nil, event.BusConfig{}),
			func(context.Context, event.Envelope[opened]) error { return nil }))
}

// TestBusConcurrently is for the race detector. Handlers come while events are published, also from
// within handlers.
func TestBusConcurrently(t *testing.T) {
	t.Parallel()
	b, _ := bus(t)
	const publishers, each = 4, 50
	var group sync.WaitGroup
	var seen, late atomic.Int64
	require.NoError(t, event.Subscribe(b, func(ctx context.Context, e event.Envelope[opened]) error {
		seen.Add(1)
		return b.Publish(ctx, envelope("from "+e.ID, credited{}))
	}))
	for range publishers {
		group.Go(func() {
			for i := range each {
				if b.Publish(t.Context(), envelope(fmt.Sprint(i), opened{})) != nil {
					t.Error("publishing failed")
				}
			}
		})
		group.Go(func() {
			if event.Subscribe(b, func(context.Context, event.Envelope[opened]) error {
				late.Add(1)
				return nil
			}) != nil {
				t.Error("subscribing failed")
			}
			b.SubscribeAll(func(context.Context, event.Envelope[any]) error { late.Add(1); return nil })
		})
	}
	group.Wait()
	require.Equal(t, int64(publishers*each), seen.Load())
	late.Store(0)
	require.NoError(t, b.Publish(t.Context(), envelope("last", opened{})))
	require.Equal(t, int64(3*publishers), late.Load(),
		"each of its type once, each of all twice: the event and what its handler published")
}

// TestSubscribeWithinHandler subscribes within a publishing, which it must not wait for.
func TestSubscribeWithinHandler(t *testing.T) {
	t.Parallel()
	b, _ := bus(t)
	n := 0
	b.SubscribeAll(func(context.Context, event.Envelope[any]) error {
		b.SubscribeAll(func(context.Context, event.Envelope[any]) error { n++; return nil })
		return nil
	})
	require.NoError(t, b.Publish(t.Context(), envelope("e-1", opened{})))
	require.Zero(t, n, "who subscribes amid an event gets the next one")
	require.NoError(t, b.Publish(t.Context(), envelope("e-2", opened{})))
	require.Equal(t, 1, n)
}

// TestSubscribeDuringDelivery subscribes when the slice of the type's handlers has room for one
// more. A delivery under way must not see it.
func TestSubscribeDuringDelivery(t *testing.T) {
	t.Parallel()
	b, _ := bus(t)
	var late, all int
	for n := range 7 {
		require.NoError(t, event.Subscribe(b, func(context.Context, event.Envelope[opened]) error {
			if n > 0 {
				return nil
			}
			return event.Subscribe(b, func(context.Context, event.Envelope[opened]) error { late++; return nil })
		}))
	}
	b.SubscribeAll(func(context.Context, event.Envelope[any]) error { all++; return nil })
	require.NoError(t, b.Publish(t.Context(), envelope("e-1", opened{})))
	require.Equal(t, 1, all)
	require.Zero(t, late)
}
