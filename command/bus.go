package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/dispatch"
)

// Handler handles a command of any registered type. [Middleware] wraps a Handler; [Register] takes
// a handler of one command type.
type Handler func(ctx context.Context, cmd any) (eventstore.Outcome, error)

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

// Bus dispatches commands to their handlers. Any number of goroutines may call its methods.
type Bus struct {
	bus     *dispatch.Bus[eventstore.Outcome]
	plain   bool // without middleware
	digests digests
}

// kind is what errors and logs call the messages of this bus.
//
//nolint:gochecknoglobals // never changed
var kind = &dispatch.Kind{
	Name:      "command",
	Handler:   "func(context.Context, %s) (eventstore.Outcome, error) to command.Register",
	Unknown:   ErrUnknown,
	Duplicate: ErrDuplicate,
}

// NewBus returns a bus without handlers; see [Register].
func NewBus(cfg Config) *Bus {
	inner := dispatch.Config[eventstore.Outcome]{Logger: cfg.Logger, Now: cfg.Now, NewID: cfg.NewID}
	plain := true
	for _, m := range cfg.Middleware {
		inner.Middleware = append(inner.Middleware, wrapping(m))
		plain = plain && m == nil
	}
	return &Bus{bus: dispatch.New(kind, inner), plain: plain}
}

// wrapping returns the middleware as package dispatch has it.
func wrapping(m Middleware) func(dispatch.Handler[eventstore.Outcome]) dispatch.Handler[eventstore.Outcome] {
	if m == nil {
		return nil
	}
	return func(next dispatch.Handler[eventstore.Outcome]) dispatch.Handler[eventstore.Outcome] {
		return dispatch.Handler[eventstore.Outcome](m(Handler(next)))
	}
}

// Register makes handle the handler of the commands of type C, a named struct type. Commands are
// passed by value. [Bus.Dispatch] returns what handle returns: usually the outcome of a
// repository's Update.
//
// Register fails with
//   - a *[DuplicateError] if C has a handler;
//   - an *[eventstore.InvalidError] if C is no named struct, handle is nil or a middleware returns
//     nil;
//   - an *[eventstore.InvalidError] if the method of [Identified] or [Named] has a pointer to C as
//     its receiver;
//   - a *[PanicError] if a middleware panics.
func Register[C any](b *Bus, handle func(ctx context.Context, c C) (eventstore.Outcome, error)) error {
	if err := errors.Join(onValues[C, Identified]("CommandID"), onValues[C, Named]("CommandType")); err != nil {
		return fmt.Errorf("register a command handler: %w", err)
	}
	return dispatch.Register(b.bus, handle, func(ctx context.Context, c C) (eventstore.Outcome, error) {
		if !b.plain {
			// A fresh cause for each run: middleware may run the handler again, which is no second
			// commit.
			ctx = event.WithCause(ctx, event.CauseFrom(ctx))
		}
		return handle(ctx, c)
	})
}

// Dispatch runs the handler of cmd. It returns the handler's outcome and error as they are, and
// gives the outcome the command's id.
//
// The command's id is the one that the command names itself, see [Identified], or that of [WithID].
// If there is neither, the bus makes a new id. A command that may be dispatched again after a
// failure needs an id: only the id tells that a command is repeated. A digest of the command is
// stored with its events. So another command with the same id is refused: see
// [eventstore.ErrCommandReused] and [Named].
//
// Dispatch itself fails with
//   - an *[UnknownError] if the command has no handler;
//   - an *[eventstore.InvalidError] if an option breaks a rule, the command is passed by pointer,
//     or the command is no plain data;
//   - an *[eventstore.InvalidError] if the id that the command names breaks a rule, or WithID gives
//     another one;
//   - a *[PanicError] if a handler or a middleware panicked.
//
// All but the last mean that nothing ran.
func (b *Bus) Dispatch(ctx context.Context, cmd any, opts ...Option) (eventstore.Outcome, error) {
	handle, err := b.bus.Find(cmd)
	if err != nil {
		return eventstore.Outcome{}, err
	}
	md, cause, err := b.stamp(event.CauseFrom(ctx), cmd, opts)
	if err == nil {
		cause.CommandDigest, err = b.digests.of(cmd)
	}
	if err != nil {
		return eventstore.Outcome{}, fmt.Errorf("dispatch %T: %w", cmd, err)
	}
	outcome, err := handle(b.bus.With(ctx, md, cause), cmd)
	outcome.CommandID = md.ID
	return outcome, err
}
