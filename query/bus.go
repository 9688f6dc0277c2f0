package query

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/dispatch"
	"github.com/fencelog/fencelog/internal/ids"
	"github.com/fencelog/fencelog/internal/panics"
)

// Query is a query whose answer is an R: a struct that embeds [Returns].
type Query[R any] interface {
	returns(R)
}

// Returns is embedded in a query, and says what it returns. It has no fields and, as the first
// field of a struct, no size.
type Returns[R any] struct{}

func (Returns[R]) returns(R) {}

// Handler handles a query of any registered type. [Middleware] wraps a Handler; [Register] takes a
// handler of one query type.
type Handler func(ctx context.Context, q any) (any, error)

// Middleware wraps a handler: to log, to measure, to authorise, to cache. [Register] calls the
// middleware once for each query type. The returned handler runs once for each asked query whose
// type is registered, with [Metadata] and [event.Cause] in the context.
//
// The returned handler may pass on another context, and another query of the same type. It may call
// next several times. It may also answer itself without calling next, with a value of the query's
// answer type.
type Middleware func(next Handler) Handler

// Config configures a [Bus]; every field may be left zero.
type Config struct {
	// Logger gets an error with the stack for each panic. Default: slog.Default().
	Logger *slog.Logger

	// Middleware runs around every handler, the first one outermost. The bus leaves out a nil one.
	// Default: none.
	Middleware []Middleware

	// Now gives the queries their time. Default: the system's clock, UTC.
	Now func() time.Time

	// NewID gives an id to a query without one, and a correlation id to a conversation that begins.
	// Default: UUIDs of version 7.
	NewID func() string
}

// Bus hands queries to their handlers; see [Ask].
type Bus struct {
	cfg      Config
	handlers dispatch.Table[Handler]
}

// NewBus returns a bus without handlers; see [Register].
func NewBus(cfg Config) *Bus {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = clock.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = ids.New
	}
	cfg.Middleware = append([]Middleware(nil), cfg.Middleware...)
	return &Bus{cfg: cfg}
}

// Register makes handle the handler of the queries of type Q, a named struct type. Queries are
// passed by value.
//
// Register fails with
//   - a *[DuplicateError] if Q has a handler;
//   - an *[eventstore.InvalidError] if Q is no named struct, handle is nil or a middleware returns
//     nil;
//   - a *[PanicError] if a middleware panics.
func Register[Q Query[R], R any](b *Bus, handle func(ctx context.Context, q Q) (R, error)) error {
	g := reflect.TypeFor[Q]()
	if err := dispatch.CheckType("query", g); err != nil {
		return fmt.Errorf("register a query handler: %w", err)
	}
	if handle == nil {
		return fmt.Errorf("register %s: %w", g,
			&eventstore.InvalidError{Field: "query handler", Found: "nil", Want: "a function"})
	}
	in := "handler of query " + g.String()
	h := Handler(func(ctx context.Context, msg any) (any, error) {
		q, ok := msg.(Q)
		if !ok {
			return nil, &eventstore.InvalidError{
				Field: "query passed on by middleware", Found: fmt.Sprintf("%T", msg), Want: g.String(),
			}
		}
		return b.guard(ctx, in, func() (any, error) { return handle(ctx, q) })
	})
	err := panics.Guard("middleware for query "+g.String(), func() (err error) {
		h, err = dispatch.Chain(h, b.cfg.Middleware, func(h Handler) bool { return h == nil })
		return err
	})
	if err != nil {
		return fmt.Errorf("register %s: %w", g, err)
	}
	name := dispatch.FuncName(handle)
	if first, ok := b.handlers.Add(g, name, h); !ok {
		return &DuplicateError{Query: g, First: first, Second: name}
	}
	return nil
}

// Ask runs the handler of q and returns its answer, or the zero R and its error as it is. R is
// inferred from q.
//
// A query without [WithID] gets a new id. The correlation id is that of [WithCorrelationID], else
// that of the [event.Cause] in ctx, else a new one. So a query that a handler asks belongs to the
// handler's conversation. The actor is that of [WithActor], else the Cause's. The handler's context
// carries the Cause with both.
//
// Ask itself fails with
//   - an *[UnknownError] if the query has no handler;
//   - an *[eventstore.InvalidError] if an option breaks a rule, the query is passed by pointer, or
//     a middleware answers with another type than R;
//   - a *[PanicError] if a handler or a middleware panicked.
func Ask[R any](ctx context.Context, b *Bus, q Query[R], opts ...Option) (R, error) {
	var answer R
	handle, err := b.find(q)
	if err != nil {
		return answer, err
	}
	md, cause, err := b.stamp(event.CauseFrom(ctx), opts)
	if err != nil {
		return answer, fmt.Errorf("ask %T: %w", q, err)
	}
	ctx = context.WithValue(event.WithCause(ctx, cause), metadataKey{}, md)
	got, err := b.guard(ctx, "middleware around query "+reflect.TypeOf(q).String(), func() (any, error) {
		return handle(ctx, q)
	})
	if err != nil {
		return answer, err
	}
	answer, ok := got.(R)
	if r := reflect.TypeFor[R](); !ok && (got != nil || r.Kind() != reflect.Interface) {
		return answer, &eventstore.InvalidError{
			Field: fmt.Sprintf("answer to query %T", q), Found: fmt.Sprintf("%T from middleware", got),
			Want: r.String(),
		}
	}
	return answer, nil
}

func (b *Bus) find(q any) (Handler, error) {
	g := reflect.TypeOf(q)
	if g == nil {
		return nil, &eventstore.InvalidError{Field: "query", Found: "nil", Want: "a struct"}
	}
	if handle, ok := b.handlers.Find(g); ok {
		return handle, nil
	}
	if g.Kind() == reflect.Pointer {
		if _, ok := b.handlers.Find(g.Elem()); ok {
			return nil, &eventstore.InvalidError{
				Field: "query", Found: "the pointer " + g.String(),
				Want: g.Elem().String() + ": a query is passed by value",
			}
		}
	}
	return nil, &UnknownError{Query: g}
}

// guard runs f, turns its panic into an error, and logs the stack, which callers tend to drop.
func (b *Bus) guard(ctx context.Context, in string, f func() (any, error)) (answer any, err error) {
	returned := false
	err = panics.Guard(in, func() (err error) {
		answer, err = f()
		returned = true
		return err
	})
	var p *PanicError
	if !returned && errors.As(err, &p) {
		md, _ := MetadataFrom(ctx)
		b.cfg.Logger.LogAttrs(ctx, slog.LevelError, in+" panicked",
			slog.String("error", err.Error()),
			slog.String("queryId", md.ID),
			slog.String("correlationId", md.CorrelationID),
			slog.String("stack", string(p.Stack)))
	}
	return answer, err
}
