package command

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

// Handler handles a command of any registered type. [Middleware] wraps a Handler; [Register] takes
// a handler of one command type.
type Handler func(ctx context.Context, cmd any) error

// Middleware wraps a handler: to log, to measure, to authorise, to try again. [Register] calls the
// middleware once for each command type. The returned handler runs once for each dispatched command
// whose type is registered, with [Metadata] and [event.Cause] in the context.
//
// The returned handler may pass on another context, and another command of the same type. It may
// call next several times, or not at all.
type Middleware func(next Handler) Handler

// Config configures a [Bus]; every field may be left zero.
type Config struct {
	// Logger gets an error with the stack for each panic. Default: slog.Default().
	Logger *slog.Logger

	// Middleware runs around every handler, the first one outermost. The bus leaves out a nil one.
	// Default: none.
	Middleware []Middleware

	// Now gives the commands their time. Default: the system's clock, UTC.
	Now func() time.Time

	// NewID gives an id to a command without one, and a correlation id to a conversation that
	// begins. Default: UUIDs of version 7.
	NewID func() string
}

// Bus dispatches commands to their handlers.
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

// Register makes handle the handler of the commands of type C, a named struct type. Commands are
// passed by value.
//
// Register fails with
//   - a *[DuplicateError] if C has a handler;
//   - an *[eventstore.InvalidError] if C is no named struct, handle is nil or a middleware returns
//     nil;
//   - a *[PanicError] if a middleware panics.
func Register[C any](b *Bus, handle func(ctx context.Context, c C) error) error {
	g := reflect.TypeFor[C]()
	if err := dispatch.CheckType("command", g); err != nil {
		return fmt.Errorf("register a command handler: %w", err)
	}
	if handle == nil {
		return fmt.Errorf("register %s: %w", g,
			&eventstore.InvalidError{Field: "command handler", Found: "nil", Want: "a function"})
	}
	in := "handler of command " + g.String()
	h := Handler(func(ctx context.Context, cmd any) error {
		c, ok := cmd.(C)
		if !ok {
			return &eventstore.InvalidError{
				Field: "command passed on by middleware", Found: fmt.Sprintf("%T", cmd), Want: g.String(),
			}
		}
		// A fresh cause for each run: middleware may run the handler again, which is no second
		// commit.
		ctx = event.WithCause(ctx, event.CauseFrom(ctx))
		return b.guard(ctx, in, func() error { return handle(ctx, c) })
	})
	err := panics.Guard("middleware for command "+g.String(), func() (err error) {
		h, err = dispatch.Chain(h, b.cfg.Middleware, func(h Handler) bool { return h == nil })
		return err
	})
	if err != nil {
		return fmt.Errorf("register %s: %w", g, err)
	}
	name := dispatch.FuncName(handle)
	if first, ok := b.handlers.Add(g, name, h); !ok {
		return &DuplicateError{Command: g, First: first, Second: name}
	}
	return nil
}

// Dispatch runs the handler of cmd and returns its error as it is.
//
// A command without [WithID] gets a new id. Use WithID for a command that may be dispatched again
// after a failure: only the id tells that a command is repeated. A digest of the command is stored
// with its events, so that another command with the same id is refused: see
// [eventstore.ErrCommandReused] and [Named].
//
// The correlation id is that of [WithCorrelationID], else that of the [event.Cause] in ctx, else a
// new one. So a command that a handler dispatches continues the handler's conversation. The actor
// is that of [WithActor], else the Cause's. The causation id is the Cause's: the id of the command
// or event whose handler dispatches this one. Dispatch hands on the trace context and the metadata
// of the Cause.
//
// Dispatch itself fails with
//   - an *[UnknownError] if the command has no handler;
//   - an *[eventstore.InvalidError] if an option breaks a rule, or the command is passed by pointer
//     or is no plain data;
//   - a *[PanicError] if a handler or a middleware panicked.
//
// After the first two, no handler and no middleware ran.
func (b *Bus) Dispatch(ctx context.Context, cmd any, opts ...Option) error {
	handle, err := b.find(cmd)
	if err != nil {
		return err
	}
	md, cause, err := b.stamp(event.CauseFrom(ctx), opts)
	if err == nil {
		cause.CommandDigest, err = digestOf(cmd)
	}
	if err != nil {
		return fmt.Errorf("dispatch %T: %w", cmd, err)
	}
	ctx = context.WithValue(event.WithCause(ctx, cause), metadataKey{}, md)
	return b.guard(ctx, "middleware around command "+reflect.TypeOf(cmd).String(), func() error {
		return handle(ctx, cmd)
	})
}

func (b *Bus) find(cmd any) (Handler, error) {
	g := reflect.TypeOf(cmd)
	if g == nil {
		return nil, &eventstore.InvalidError{Field: "command", Found: "nil", Want: "a struct"}
	}
	if handle, ok := b.handlers.Find(g); ok {
		return handle, nil
	}
	if g.Kind() == reflect.Pointer {
		if _, ok := b.handlers.Find(g.Elem()); ok {
			return nil, &eventstore.InvalidError{
				Field: "command", Found: "the pointer " + g.String(),
				Want: g.Elem().String() + ": a command is passed by value",
			}
		}
	}
	return nil, &UnknownError{Command: g}
}

// guard runs f, turns its panic into an error, and logs the stack, which callers tend to drop.
func (b *Bus) guard(ctx context.Context, in string, f func() error) error {
	returned := false
	err := panics.Guard(in, func() error {
		err := f()
		returned = true
		return err
	})
	var p *PanicError
	if !returned && errors.As(err, &p) {
		md, _ := MetadataFrom(ctx)
		b.cfg.Logger.LogAttrs(ctx, slog.LevelError, in+" panicked",
			slog.String("error", err.Error()),
			slog.String("commandId", md.ID),
			slog.String("correlationId", md.CorrelationID),
			slog.String("stack", string(p.Stack)))
	}
	return err
}
