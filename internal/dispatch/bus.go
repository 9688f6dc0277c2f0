package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/ids"
	"github.com/fencelog/fencelog/internal/panics"
)

// Kind is what tells one bus from the other.
type Kind struct {
	Name      string // "command" or "query"
	Handler   string // how a handler is registered, with %s for its message type
	Unknown   error  // what an *[UnknownError] matches
	Duplicate error  // what a *[DuplicateError] matches
}

// Handler handles a message of any registered type, and answers with an R.
type Handler[R any] func(ctx context.Context, msg any) (R, error)

// Bus finds the handler of a message and runs it, as both buses do. New makes one. Any number of
// goroutines may call its methods.
type Bus[R any] struct {
	kind       *Kind
	id         string // what errors call the id of a message
	logger     *slog.Logger
	now        func() time.Time
	newID      func() string
	middleware []func(Handler[R]) Handler[R]
	handlers   table[Handler[R]]
}

// Config is what a bus is configured with; every field may be left zero.
type Config[R any] struct {
	Logger     *slog.Logger
	Middleware []func(Handler[R]) Handler[R] // the first one outermost; a nil one is left out
	Now        func() time.Time
	NewID      func() string
}

// New returns a bus without handlers.
func New[R any](kind *Kind, cfg Config[R]) *Bus[R] {
	b := &Bus[R]{
		kind: kind, id: kind.Name + " id", logger: cfg.Logger, now: cfg.Now, newID: cfg.NewID,
		middleware: cfg.Middleware,
	}
	if b.logger == nil {
		b.logger = slog.Default()
	}
	if b.now == nil {
		b.now = clock.Now
	}
	if b.newID == nil {
		b.newID = ids.New
	}
	return b
}

// Register makes handle the handler of messages of type M, in the middleware. The value given is
// the user's function, for errors and as the handler's name. It may be nil, which is a mistake.
func Register[M, R any](b *Bus[R], given any, handle func(ctx context.Context, m M) (R, error)) error {
	g := reflect.TypeFor[M]()
	if err := checkType(b.kind.Name, g); err != nil {
		return fmt.Errorf("register a %s handler: %w", b.kind.Name, err)
	}
	if reflect.ValueOf(given).IsNil() {
		return fmt.Errorf("register %s: %w", g,
			&eventstore.InvalidError{Field: b.kind.Name + " handler", Found: "nil", Want: "a function"})
	}
	in := fmt.Sprintf("handler of %s %s", b.kind.Name, g)
	h := Handler[R](func(ctx context.Context, msg any) (R, error) {
		m, ok := msg.(M)
		if !ok {
			var none R
			return none, &eventstore.InvalidError{
				Field: b.kind.Name + " passed on by middleware", Found: fmt.Sprintf("%T", msg), Want: g.String(),
			}
		}
		return b.guard(ctx, in, func() (R, error) { return handle(ctx, m) })
	})
	err := panics.Guard(fmt.Sprintf("middleware for %s %s", b.kind.Name, g), func() (err error) {
		h, err = chain(h, b.middleware)
		return err
	})
	if err != nil {
		return fmt.Errorf("register %s: %w", g, err)
	}
	around := fmt.Sprintf("middleware around %s %s", b.kind.Name, g)
	guarded := Handler[R](func(ctx context.Context, msg any) (R, error) {
		return b.guard(ctx, around, func() (R, error) { return h(ctx, msg) })
	})
	name := funcName(given)
	if first, ok := b.handlers.add(g, name, guarded); !ok {
		return &DuplicateError{Type: g, First: first, Second: name, kind: b.kind}
	}
	return nil
}

// Find returns the handler of a message, in its middleware, guarded against panics.
func (b *Bus[R]) Find(msg any) (Handler[R], error) {
	g := reflect.TypeOf(msg)
	if g == nil {
		return nil, &eventstore.InvalidError{Field: b.kind.Name, Found: "nil", Want: "a struct"}
	}
	if handle, ok := b.handlers.find(g); ok {
		return handle, nil
	}
	if g.Kind() == reflect.Pointer {
		if _, ok := b.handlers.find(g.Elem()); ok {
			return nil, &eventstore.InvalidError{
				Field: b.kind.Name, Found: "the pointer " + g.String(),
				Want: fmt.Sprintf("%s: a %s is passed by value", g.Elem(), b.kind.Name),
			}
		}
	}
	return nil, &UnknownError{Type: g, kind: b.kind}
}

// guard runs f, turns its panic into an error, and logs the stack, which callers tend to drop.
func (b *Bus[R]) guard(ctx context.Context, in string, f func() (R, error)) (answer R, err error) {
	returned := false
	err = panics.Guard(in, func() (err error) {
		answer, err = f()
		returned = true
		return err
	})
	if returned {
		return answer, err
	}
	var p *panics.Error
	if errors.As(err, &p) {
		md, _ := b.MetadataFrom(ctx)
		b.logger.LogAttrs(ctx, slog.LevelError, in+" panicked",
			slog.String("error", err.Error()),
			slog.String(b.kind.Name+"Id", md.ID),
			slog.String("correlationId", md.CorrelationID),
			slog.String("stack", string(p.Stack)))
	}
	return answer, err
}
