package query

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/dispatch"
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

// Bus hands queries to their handlers; see [Ask]. It may be used by any number of goroutines.
type Bus struct{ bus *dispatch.Bus[any] }

// kind is what errors and logs call the messages of this bus.
//
//nolint:gochecknoglobals // never changed
var kind = &dispatch.Kind{
	Name:      "query",
	Handler:   "func(context.Context, %s) (Answer, error) to query.Register",
	Unknown:   ErrUnknown,
	Duplicate: ErrDuplicate,
}

// NewBus returns a bus without handlers; see [Register].
func NewBus(cfg Config) *Bus {
	inner := dispatch.Config[any]{Logger: cfg.Logger, Now: cfg.Now, NewID: cfg.NewID}
	for _, m := range cfg.Middleware {
		inner.Middleware = append(inner.Middleware, wrapping(m))
	}
	return &Bus{bus: dispatch.New(kind, inner)}
}

// wrapping returns the middleware as package dispatch has it.
func wrapping(m Middleware) func(dispatch.Handler[any]) dispatch.Handler[any] {
	if m == nil {
		return nil
	}
	return func(next dispatch.Handler[any]) dispatch.Handler[any] { return dispatch.Handler[any](m(Handler(next))) }
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
	return dispatch.Register(b.bus, handle, func(ctx context.Context, q Q) (any, error) { return handle(ctx, q) })
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
	handle, err := b.bus.Find(q)
	if err != nil {
		return answer, err
	}
	md, cause, err := b.stamp(event.CauseFrom(ctx), opts)
	if err != nil {
		return answer, fmt.Errorf("ask %T: %w", q, err)
	}
	got, err := handle(b.bus.With(ctx, md, cause), q)
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
