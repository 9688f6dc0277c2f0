package query_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/query"
)

type Shop struct{ Name string }

type GetShop struct {
	query.Returns[Shop]
	Name string
}

type ListShops struct{ query.Returns[[]Shop] }

// GetAnything answers with an interface type, which may be nil.
type GetAnything struct{ query.Returns[fmt.Stringer] }

// The marker costs nothing.
var _ [unsafe.Sizeof("")]byte = [unsafe.Sizeof(GetShop{})]byte{}

func getShop(_ context.Context, q GetShop) (Shop, error) { return Shop{Name: q.Name}, nil }

func getAnother(context.Context, GetShop) (Shop, error) {
	return Shop{}, errors.New("the second handler ran")
}

// refusal is a user's error type.
type refusal struct{ Shop string }

func (r *refusal) Error() string { return r.Shop + " is closed" }

func TestAsk(t *testing.T) {
	t.Parallel()
	bus := query.NewBus(query.Config{})
	require.NoError(t, query.Register(bus, getShop))
	require.NoError(t,
		query.Register(bus, func(context.Context, ListShops) ([]Shop, error) {
			return []Shop{{Name: "a"}, {Name: "b"}}, nil
		}))

	shop, err := query.Ask(t.Context(), bus, GetShop{Name: "a"})
	require.NoError(t, err)
	require.Equal(t, "a", shop.Name)

	shops, err := query.Ask(t.Context(), bus, ListShops{})
	require.NoError(t, err)
	require.Equal(t, "b", shops[1].Name)
}

func TestAskNilInterface(t *testing.T) {
	t.Parallel()
	bus := query.NewBus(query.Config{})
	require.NoError(t,
		query.Register(bus, func(context.Context, GetAnything) (fmt.Stringer, error) { return nil, nil }))
	answer, err := query.Ask(t.Context(), bus, GetAnything{})
	require.NoError(t, err)
	require.Nil(t, answer)
}

func TestAskHandlerError(t *testing.T) {
	t.Parallel()
	bus := query.NewBus(query.Config{})
	refused := &refusal{Shop: "a"}
	require.NoError(t,
		query.Register(bus, func(context.Context, GetShop) (Shop, error) { return Shop{Name: "half"}, refused }))

	shop, err := query.Ask(t.Context(), bus, GetShop{})

	require.Same(t, refused, err)
	require.Zero(t, shop)
}

func TestAskUnknownQuery(t *testing.T) {
	t.Parallel()
	bus := query.NewBus(query.Config{})
	require.NoError(t, query.Register(bus, getShop))

	_, err := query.Ask(t.Context(), bus, ListShops{})

	var unknown *query.UnknownError
	require.ErrorAs(t, err, &unknown)
	require.ErrorIs(t, err, query.ErrUnknown)
	require.Equal(t, "query_test.ListShops", unknown.Type.String())
	require.EqualError(t, err, "query query_test.ListShops has no handler: give a func(context.Context, "+
		"query_test.ListShops) (Answer, error) to query.Register")

	_, err = query.Ask(t.Context(), bus, &ListShops{})
	require.ErrorIs(t, err, query.ErrUnknown)
}

func TestAskPointerAndNil(t *testing.T) {
	t.Parallel()
	bus := query.NewBus(query.Config{})
	require.NoError(t, query.Register(bus, getShop))

	_, err := query.Ask(t.Context(), bus, &GetShop{})
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.EqualError(t, err,
		"query: found the pointer *query_test.GetShop, expected query_test.GetShop: a query is passed by value")

	_, err = query.Ask[Shop](t.Context(), bus, nil)
	require.ErrorIs(t, err, eventstore.ErrInvalid)
}

func TestRegisterMistakes(t *testing.T) {
	t.Parallel()
	bus := query.NewBus(query.Config{})
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{
			"pointer", query.Register(bus, func(context.Context, *GetShop) (Shop, error) { return Shop{}, nil }),
			"query type: found *query_test.GetShop, a ptr, expected query_test.GetShop: a query is passed by value",
		},
		{
			"struct without name",
			query.Register(bus, func(context.Context, struct{ query.Returns[Shop] }) (Shop, error) {
				return Shop{}, nil
			}),
			"which has no name, expected a named struct type",
		},
		{
			"nil", query.Register[GetShop](bus, nil),
			"register query_test.GetShop: query handler: found nil, expected a function",
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
	bus := query.NewBus(query.Config{})
	require.NoError(t, query.Register(bus, getShop))

	err := query.Register(bus, getAnother)

	var duplicate *query.DuplicateError
	require.ErrorAs(t, err, &duplicate)
	require.ErrorIs(t, err, query.ErrDuplicate)
	require.Regexp(t,
		`query_test\.getShop \(bus_test\.go:\d+\) and .*query_test\.getAnother \(bus_test\.go:\d+\): register one$`,
		err.Error())
	shop, err := query.Ask(t.Context(), bus, GetShop{Name: "a"})
	require.NoError(t, err)
	require.Equal(t, "a", shop.Name)
}

func TestAskPanic(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	bus := query.NewBus(query.Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	cause := &refusal{Shop: "a"}
	require.NoError(t, query.Register(bus, func(context.Context, GetShop) (Shop, error) { return explode(cause) }))
	require.NoError(t, query.Register(bus, func(context.Context, ListShops) ([]Shop, error) { return nil, nil }))

	_, err := query.Ask(t.Context(), bus, GetShop{}, query.WithID("q-1"))

	var p *query.PanicError
	require.ErrorAs(t, err, &p)
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "handler of query query_test.GetShop panicked: a is closed")
	require.Contains(t, string(p.Stack), "query_test.explode")
	require.Equal(t, 1, strings.Count(log.String(), "\n"), "one log record: %s", log.String())
	require.Contains(t, log.String(), "query_test.explode")
	require.Contains(t, log.String(), `"queryId":"q-1"`)
	_, err = query.Ask(t.Context(), bus, ListShops{})
	require.NoError(t, err)
}

func explode(value any) (Shop, error) { panic(value) }

func TestMiddlewareOrder(t *testing.T) {
	t.Parallel()
	var trace []string
	named := func(name string) query.Middleware {
		return func(next query.Handler) query.Handler {
			return func(ctx context.Context, q any) (any, error) {
				md, _ := query.MetadataFrom(ctx)
				trace = append(trace, fmt.Sprintf("%s before %T %s", name, q, md.ID))
				answer, err := next(ctx, q)
				trace = append(trace, fmt.Sprintf("%s after: %v, %v", name, answer, err))
				return answer, err
			}
		}
	}
	bus := query.NewBus(query.Config{Middleware: []query.Middleware{named("outer"), nil, named("inner")}})
	require.NoError(t, query.Register(bus, getShop))

	_, err := query.Ask(t.Context(), bus, GetShop{Name: "a"}, query.WithID("q-1"))

	require.NoError(t, err)
	require.Equal(t, []string{
		"outer before query_test.GetShop q-1", "inner before query_test.GetShop q-1",
		"inner after: {a}, <nil>", "outer after: {a}, <nil>",
	}, trace)
}

func TestMiddlewareAnswer(t *testing.T) {
	t.Parallel()
	var answer, pass any
	bus := query.NewBus(query.Config{Middleware: []query.Middleware{func(next query.Handler) query.Handler {
		return func(ctx context.Context, _ any) (any, error) {
			if pass != nil {
				return next(ctx, pass)
			}
			return answer, nil
		}
	}}})
	require.NoError(t, query.Register(bus, getShop))

	answer = Shop{Name: "cached"}
	shop, err := query.Ask(t.Context(), bus, GetShop{})
	require.NoError(t, err)
	require.Equal(t, "cached", shop.Name)

	for _, answer = range []any{nil, "a", &Shop{}} {
		_, err = query.Ask(t.Context(), bus, GetShop{})
		require.ErrorIs(t, err, eventstore.ErrInvalid)
		require.EqualError(t, err, fmt.Sprintf(
			"answer to query query_test.GetShop: found %T from middleware, expected query_test.Shop", answer))
	}

	pass = ListShops{}
	_, err = query.Ask(t.Context(), bus, GetShop{})
	require.EqualError(t, err, "query passed on by middleware: found query_test.ListShops, expected query_test.GetShop")
}

func TestMiddlewarePanics(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	var p *query.PanicError

	running := query.NewBus(query.Config{Logger: quiet, Middleware: []query.Middleware{
		func(query.Handler) query.Handler {
			return func(context.Context, any) (any, error) { return explode("oh") }
		},
	}})
	require.NoError(t, query.Register(running, getShop))
	_, err := query.Ask(t.Context(), running, GetShop{})
	require.ErrorAs(t, err, &p)
	require.EqualError(t, err, "middleware around query query_test.GetShop panicked: oh")

	wrapping := query.NewBus(query.Config{Logger: quiet, Middleware: []query.Middleware{
		func(query.Handler) query.Handler { _, _ = explode("oh"); return nil },
	}})
	require.ErrorAs(t, query.Register(wrapping, getShop), &p)

	none := query.NewBus(query.Config{Logger: quiet, Middleware: []query.Middleware{
		func(query.Handler) query.Handler { return nil },
	}})
	require.ErrorIs(t, query.Register(none, getShop), eventstore.ErrInvalid)
}

func TestBusConcurrently(t *testing.T) {
	t.Parallel()
	const goroutines, asks = 8, 200
	// In the loops only the bus may lock or pool. Anything else that does would hide a race from
	// the race detector.
	bus := query.NewBus(query.Config{NewID: func() string { return "id" }})
	require.NoError(t, query.Register(bus, getShop))
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			name := fmt.Sprintf("shop-%d", g)
			for i := range asks {
				if i == asks/2 {
					_ = query.Register(bus, func(context.Context, ListShops) ([]Shop, error) { return nil, nil })
				}
				if shop, err := query.Ask(t.Context(), bus, GetShop{Name: name}); err != nil || shop.Name != name {
					t.Errorf("asked for %s: %v, %v", name, shop, err)
				}
			}
		})
	}
	wg.Wait()
}
