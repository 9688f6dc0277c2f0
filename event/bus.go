package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"

	"github.com/fencelog/fencelog/internal/panics"
)

// PanicError is the error that a panicking handler is turned into. It carries the stack. If the
// panic's value was an error, Unwrap returns it. Its fields are
//
//	In    string // whose code panicked
//	Value any    // what it panicked with
//	Stack []byte // the stack of the goroutine at that moment
type PanicError = panics.Error

// Bus hands committed events to handlers of this process: to log, to wake, to count.
//
// Delivery is synchronous, in the order of subscription. It happens once if the process lives on
// after the commit. A crash in between loses it, so code that must not lose an event reads the
// store instead.
//
// Events of one stream arrive in the order in which they are published. If two commits of a stream
// are made at the same time, that may be the reverse of their versions. A handler that minds looks
// at AggregateVersion.
type Bus struct {
	types  *Types
	logger *slog.Logger

	mu     sync.RWMutex
	byType map[reflect.Type][]subscriber
	all    []subscriber
}

type subscriber func(context.Context, Envelope[any]) error

// BusConfig configures a [Bus]; every field may be left zero.
type BusConfig struct {
	// Logger gets an error for each handler that failed. Default: slog.Default().
	Logger *slog.Logger
}

// NewBus returns a bus for the events of the given types.
func NewBus(types *Types, cfg BusConfig) *Bus {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Bus{types: types, logger: cfg.Logger, byType: make(map[reflect.Type][]subscriber)}
}

// Subscribe makes the bus call handle with every published event of type E. It fails if E is not
// among the types of the bus.
func Subscribe[E any](b *Bus, handle func(context.Context, Envelope[E]) error) error {
	g := reflect.TypeFor[E]()
	t, ok := b.types.Of(g)
	if !ok {
		return fmt.Errorf("subscribe to %s: it has no durable name; give it to aggregate.NewType and that "+
			"type's events to the bus", g)
	}
	in := fmt.Sprintf("event handler of %s.%s", t.Category, t.Name)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byType[g] = append(b.byType[g], func(ctx context.Context, e Envelope[any]) error {
		return panics.Guard(in, func() error {
			return handle(ctx, Envelope[E]{Header: e.Header, Position: e.Position, Event: e.Event.(E)})
		})
	})
	return nil
}

// SubscribeAll makes the bus call handle with every published event, after the handlers of its
// type.
func (b *Bus) SubscribeAll(handle func(context.Context, Envelope[any]) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, func(ctx context.Context, e Envelope[any]) error {
		return panics.Guard("event handler of all events", func() error { return handle(ctx, e) })
	})
}

// Publish calls the handlers of each event in turn. Their context carries the event's [Cause].
//
// An event is a fact, so a handler that fails or panics stops neither the others nor the publisher.
// Publish logs the failures. It also returns them, joined.
func (b *Bus) Publish(ctx context.Context, events ...Envelope[any]) error {
	var failed []error
	for _, e := range events {
		b.mu.RLock()
		subs := append(b.byType[reflect.TypeOf(e.Event)][:0:0], b.byType[reflect.TypeOf(e.Event)]...)
		subs = append(subs, b.all...)
		b.mu.RUnlock()
		ectx := WithCause(ctx, e.Cause())
		for _, handle := range subs {
			err := handle(ectx, e)
			if err == nil {
				continue
			}
			err = fmt.Errorf("%s %s of %s %q: %w", e.Type, e.ID, e.Category, e.AggregateID, err)
			failed = append(failed, err)
			b.log(ectx, e, err)
		}
	}
	return errors.Join(failed...)
}

func (b *Bus) log(ctx context.Context, e Envelope[any], err error) {
	attrs := []slog.Attr{
		slog.String("error", err.Error()),
		slog.String("eventId", e.ID),
		slog.String("correlationId", e.CorrelationID),
	}
	var p *PanicError
	if errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	b.logger.LogAttrs(ctx, slog.LevelError, "event handler failed", attrs...)
}
