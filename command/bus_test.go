package command_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

type OpenShop struct{ Name string }

type CloseShop struct{ Name string }

type note string

func openShop(context.Context, OpenShop) (eventstore.Outcome, error) {
	return eventstore.Outcome{}, nil
}

func openAgain(context.Context, OpenShop) (eventstore.Outcome, error) {
	return eventstore.Outcome{}, errors.New("the second handler ran")
}

// refusal is a user's error type.
type refusal struct{ Shop string }

func (r *refusal) Error() string { return r.Shop + " is closed" }

func TestDispatch(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	var got []any
	require.NoError(t, command.Register(bus, func(_ context.Context, c OpenShop) (eventstore.Outcome, error) {
		got = append(got, c)
		return eventstore.Outcome{}, nil
	}))
	require.NoError(t, command.Register(bus, func(_ context.Context, c CloseShop) (eventstore.Outcome, error) {
		got = append(got, c)
		return eventstore.Outcome{}, nil
	}))

	require.NoError(t, errOf(bus.Dispatch(t.Context(), CloseShop{Name: "a"})))
	require.NoError(t, errOf(bus.Dispatch(t.Context(), OpenShop{Name: "b"})))

	require.Equal(t, []any{CloseShop{Name: "a"}, OpenShop{Name: "b"}}, got)
}

func TestDispatchHandlerError(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	refused := &refusal{Shop: "a"}
	require.NoError(t,
		command.Register(bus, func(context.Context, OpenShop) (eventstore.Outcome, error) {
			return eventstore.Outcome{}, refused
		}))

	require.Same(t, refused, errOf(bus.Dispatch(t.Context(), OpenShop{})))
}

func TestDispatchUnknownCommand(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	require.NoError(t, command.Register(bus, openShop))
	for _, cmd := range []any{CloseShop{}, &CloseShop{}, note("x"), struct{}{}} {
		t.Run(fmt.Sprintf("%T", cmd), func(t *testing.T) {
			t.Parallel()
			_, err := bus.Dispatch(t.Context(), cmd)

			var unknown *command.UnknownError
			require.ErrorAs(t, err, &unknown)
			require.ErrorIs(t, err, command.ErrUnknown)
			require.Equal(t, fmt.Sprintf("%T", cmd), unknown.Type.String())
			require.ErrorContains(t, err, fmt.Sprintf("command %T has no handler", cmd))
			require.ErrorContains(t, err,
				"give a func(context.Context, "+strings.TrimPrefix(unknown.Type.String(), "*")+
					") (eventstore.Outcome, error) to command.Register")
		})
	}
}

func TestDispatchPointerAndNil(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	ran := false
	require.NoError(t, command.Register(bus, func(context.Context, OpenShop) (eventstore.Outcome, error) {
		ran = true
		return eventstore.Outcome{}, nil
	}))

	_, err := bus.Dispatch(t.Context(), &OpenShop{})
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.EqualError(t, err, "command: found the pointer *command_test.OpenShop, expected command_test.OpenShop: "+
		"a command is passed by value")

	_, err = bus.Dispatch(t.Context(), nil)
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.False(t, ran)
}

func TestRegisterMistakes(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{
			"pointer",
			command.Register(bus, func(context.Context, *OpenShop) (eventstore.Outcome, error) {
				return eventstore.Outcome{}, nil
			}),
			"command type: found *command_test.OpenShop, a ptr, expected command_test.OpenShop: " +
				"a command is passed by value",
		},
		{
			"struct without name",
			command.Register(bus, func(context.Context, struct{ Name string }) (eventstore.Outcome, error) {
				return eventstore.Outcome{}, nil
			}),
			"command type: found struct { Name string }, which has no name, expected a named struct type",
		},
		{
			"no struct",
			command.Register(bus, func(context.Context, note) (eventstore.Outcome, error) {
				return eventstore.Outcome{}, nil
			}),
			"command type: found command_test.note, a string, expected a named struct type",
		},
		{
			"any",
			command.Register(bus, func(context.Context, any) (eventstore.Outcome, error) {
				return eventstore.Outcome{}, nil
			}),
			"command type: found interface {}, a interface, expected a named struct type",
		},
		{
			"nil", command.Register[OpenShop](bus, nil),
			"register command_test.OpenShop: command handler: found nil, expected a function",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, tt.err, eventstore.ErrInvalid)
			require.ErrorContains(t, tt.err, tt.want)
		})
	}
}

func TestRegisterSecondHandler(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	require.NoError(t, command.Register(bus, openShop))

	err := command.Register(bus, openAgain)

	var duplicate *command.DuplicateError
	require.ErrorAs(t, err, &duplicate)
	require.ErrorIs(t, err, command.ErrDuplicate)
	require.ErrorContains(t, err, "command command_test.OpenShop has two handlers")
	require.Regexp(t, `command_test\.openShop \(bus_test\.go:\d+\)$`, duplicate.First)
	require.Regexp(t, `command_test\.openAgain \(bus_test\.go:\d+\)$`, duplicate.Second)
	require.ErrorContains(t, err, duplicate.First)
	require.ErrorContains(t, err, duplicate.Second)
	require.NoError(t, errOf(bus.Dispatch(t.Context(), OpenShop{})))
}

func TestDispatchPanic(t *testing.T) {
	t.Parallel()
	cause := &refusal{Shop: "a"}
	for _, tt := range []struct {
		name  string
		value any
		text  string
	}{
		{"text", "no stock", "handler of command command_test.OpenShop panicked: no stock"},
		{"error", cause, "handler of command command_test.OpenShop panicked: a is closed"},
		{"nil", nil, "handler of command command_test.OpenShop panicked: panic called with nil argument"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			bus := command.NewBus(command.Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
			require.NoError(t,
				command.Register(bus, func(context.Context, CloseShop) (eventstore.Outcome, error) {
					return eventstore.Outcome{}, nil
				}))
			require.NoError(t, command.Register(bus, func(context.Context, OpenShop) (eventstore.Outcome, error) {
				return eventstore.Outcome{}, explode(tt.value)
			}))

			_, err := bus.Dispatch(t.Context(), OpenShop{}, command.WithID("c-1"))

			var p *command.PanicError
			require.ErrorAs(t, err, &p)
			require.ErrorContains(t, err, tt.text)
			require.Contains(t, string(p.Stack), "command_test.explode")
			require.Equal(t, tt.value == cause, errors.Is(err, cause))
			require.Equal(t, 1, strings.Count(log.String(), "\n"), "one log record: %s", log.String())
			require.Contains(t, log.String(), "command_test.explode")
			require.Contains(t, log.String(), `"commandId":"c-1"`)
			require.NoError(t, errOf(bus.Dispatch(t.Context(), CloseShop{})))
		})
	}
}

func explode(value any) error { panic(value) }

func TestMiddlewareOrder(t *testing.T) {
	t.Parallel()
	var trace []string
	named := func(name string) command.Middleware {
		return func(next command.Handler) command.Handler {
			return func(ctx context.Context, cmd any) (eventstore.Outcome, error) {
				md, ok := command.MetadataFrom(ctx)
				require.True(t, ok)
				require.Equal(t, md.ID, event.CauseFrom(ctx).CommandID)
				trace = append(trace, fmt.Sprintf("%s before %T %s", name, cmd, md.ID))
				done, err := next(ctx, cmd)
				trace = append(trace, fmt.Sprintf("%s after: %v", name, err))
				return done, err
			}
		}
	}
	list := []command.Middleware{named("outer"), nil, named("inner")}
	bus := command.NewBus(command.Config{Middleware: list})
	list[0] = named("written into the slice later")
	require.NoError(t, command.Register(bus, func(context.Context, OpenShop) (eventstore.Outcome, error) {
		trace = append(trace, "handler")
		return eventstore.Outcome{}, errors.New("refused")
	}))

	require.EqualError(t, errOf(bus.Dispatch(t.Context(), OpenShop{}, command.WithID("c-1"))), "refused")
	require.Equal(t, []string{
		"outer before command_test.OpenShop c-1", "inner before command_test.OpenShop c-1", "handler",
		"inner after: refused", "outer after: refused",
	}, trace)

	trace = nil
	require.ErrorIs(t, errOf(bus.Dispatch(t.Context(), CloseShop{})), command.ErrUnknown)
	require.Empty(t, trace, "middleware runs around handlers only")
}

func TestMiddlewareOtherCommand(t *testing.T) {
	t.Parallel()
	var pass any
	bus := command.NewBus(command.Config{Middleware: []command.Middleware{func(next command.Handler) command.Handler {
		return func(ctx context.Context, _ any) (eventstore.Outcome, error) { return next(ctx, pass) }
	}}})
	var got OpenShop
	require.NoError(t, command.Register(bus, func(_ context.Context, c OpenShop) (eventstore.Outcome, error) {
		got = c
		return eventstore.Outcome{}, nil
	}))

	pass = OpenShop{Name: "trimmed"}
	require.NoError(t, errOf(bus.Dispatch(t.Context(), OpenShop{Name: " trimmed "})))
	require.Equal(t, pass, got)

	pass = CloseShop{}
	require.EqualError(t, errOf(bus.Dispatch(t.Context(), OpenShop{})),
		"command passed on by middleware: found command_test.CloseShop, expected command_test.OpenShop")
}

func TestMiddlewarePanics(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	var p *command.PanicError

	running := command.NewBus(command.Config{Logger: quiet, Middleware: []command.Middleware{
		func(command.Handler) command.Handler {
			return func(context.Context, any) (eventstore.Outcome, error) { return eventstore.Outcome{}, explode("oh") }
		},
	}})
	require.NoError(t, command.Register(running, openShop))
	_, err := running.Dispatch(t.Context(), OpenShop{})
	require.ErrorAs(t, err, &p)
	require.EqualError(t, err, "middleware around command command_test.OpenShop panicked: oh")
	require.Contains(t, string(p.Stack), "command_test.explode")

	wrapping := command.NewBus(command.Config{Logger: quiet, Middleware: []command.Middleware{
		func(command.Handler) command.Handler { _ = explode("oh"); return nil },
	}})
	err = command.Register(wrapping, openShop)
	require.ErrorAs(t, err, &p)
	require.ErrorContains(t, err, "middleware for command command_test.OpenShop panicked: oh")

	none := command.NewBus(command.Config{Logger: quiet, Middleware: []command.Middleware{
		func(next command.Handler) command.Handler { return next },
		func(command.Handler) command.Handler { return nil },
	}})
	err = command.Register(none, openShop)
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.ErrorContains(t, err, "middleware 2: found nil returned, expected a handler that calls next")
	require.ErrorIs(t, errOf(none.Dispatch(t.Context(), OpenShop{})), command.ErrUnknown)
}

func TestMiddlewareHandlerPanic(t *testing.T) {
	t.Parallel()
	var seen error
	bus := command.NewBus(command.Config{
		Logger: slog.New(slog.DiscardHandler),
		Middleware: []command.Middleware{func(next command.Handler) command.Handler {
			return func(ctx context.Context, cmd any) (eventstore.Outcome, error) {
				done, err := next(ctx, cmd)
				seen = err
				return done, err
			}
		}},
	})
	require.NoError(t, command.Register(bus, func(context.Context, OpenShop) (eventstore.Outcome, error) {
		return eventstore.Outcome{}, explode("oh")
	}))
	require.Error(t, errOf(bus.Dispatch(t.Context(), OpenShop{})))
	var p *command.PanicError
	require.ErrorAs(t, seen, &p)
}

func TestBusConcurrently(t *testing.T) {
	t.Parallel()
	const goroutines, dispatches = 8, 200
	// In the loops only the bus may lock or pool. Anything else that does would hide a race from
	// the race detector.
	bus := command.NewBus(command.Config{NewID: func() string { return "id" }})
	require.NoError(t, command.Register(bus, func(ctx context.Context, c OpenShop) (eventstore.Outcome, error) {
		if md, _ := command.MetadataFrom(ctx); md.ActorID != c.Name {
			return eventstore.Outcome{}, fmt.Errorf("command of %s has actor %s", c.Name, md.ActorID)
		}
		return eventstore.Outcome{}, nil
	}))
	closeShop := func(context.Context, CloseShop) (eventstore.Outcome, error) { return eventstore.Outcome{}, nil }
	var registered atomic.Int32
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			name := fmt.Sprintf("shop-%d", g)
			for i := range dispatches {
				if i == dispatches/2 && command.Register(bus, closeShop) == nil {
					registered.Add(1)
				}
				if _, err := bus.Dispatch(t.Context(), OpenShop{Name: name}, command.WithActor(name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, registered.Load())
}
