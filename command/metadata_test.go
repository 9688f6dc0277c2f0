package command_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/handling"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// counting returns "id-1", "id-2" and so on.
func counting() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("id-%d", n) }
}

func TestDispatchMetadata(t *testing.T) {
	t.Parallel()
	outer := event.Cause{
		CorrelationID: "conversation", CausationID: "event-1", CommandID: "command-0", ActorID: "user-0",
		TraceParent: "00-1-2-01", Metadata: map[string]string{"tenant": "t", "source": "outer"},
	}
	for _, tt := range []struct {
		name  string
		from  event.Cause
		opts  []command.Option
		want  command.Metadata
		cause event.Cause
	}{
		{
			name:  "defaults",
			want:  command.Metadata{ID: "id-1", Timestamp: noon, CorrelationID: "id-2"},
			cause: event.Cause{CorrelationID: "id-2", CausationID: "id-1", CommandID: "id-1"},
		},
		{
			name: "options",
			opts: []command.Option{
				command.WithID("c"), command.WithCorrelationID("k"), command.WithActor("u"),
				command.WithMetadata(map[string]string{"a": "1", "b": ""}),
				command.WithMetadata(map[string]string{"a": "2"}),
			},
			want: command.Metadata{ID: "c", Timestamp: noon, CorrelationID: "k", ActorID: "u"},
			cause: event.Cause{
				CorrelationID: "k", CausationID: "c", CommandID: "c", ActorID: "u",
				Metadata: map[string]string{"a": "2", "b": ""},
			},
		},
		{
			name: "inherited from the cause in the context",
			from: outer,
			want: command.Metadata{
				ID: "id-1", Timestamp: noon, CorrelationID: "conversation", CausationID: "event-1", ActorID: "user-0",
			},
			cause: event.Cause{
				CorrelationID: "conversation", CausationID: "id-1", CommandID: "id-1", CommandCausationID: "event-1",
				ActorID:     "user-0",
				TraceParent: "00-1-2-01", Metadata: map[string]string{"tenant": "t", "source": "outer"},
			},
		},
		{
			name: "options before what is inherited",
			from: outer,
			opts: []command.Option{
				command.WithID("c"), command.WithCorrelationID("k"), command.WithActor("u"),
				command.WithMetadata(map[string]string{"source": "option"}),
			},
			want: command.Metadata{ID: "c", Timestamp: noon, CorrelationID: "k", CausationID: "event-1", ActorID: "u"},
			cause: event.Cause{
				CorrelationID: "k", CausationID: "c", CommandID: "c", CommandCausationID: "event-1", ActorID: "u",
				TraceParent: "00-1-2-01", Metadata: map[string]string{"tenant": "t", "source": "option"},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bus := command.NewBus(command.Config{Now: func() time.Time { return noon }, NewID: counting()})
			var ok bool
			var got command.Metadata
			var cause event.Cause
			require.NoError(t, command.Register(bus, func(ctx context.Context, _ OpenShop) (eventstore.Outcome, error) {
				got, ok = command.MetadataFrom(ctx)
				cause = event.CauseFrom(ctx)
				return eventstore.Outcome{}, nil
			}))
			ctx := t.Context()
			if tt.from.CorrelationID != "" {
				ctx = event.WithCause(ctx, tt.from)
			}

			require.NoError(t, errOf(bus.Dispatch(ctx, OpenShop{}, tt.opts...)))

			require.True(t, ok)
			require.Equal(t, tt.want, got)
			require.Len(t, cause.CommandDigest, 32)
			cause.CommandDigest = "" // see TestDigestOtherContent
			require.Equal(t, tt.cause, cause)
			require.Equal(t, map[string]string{"tenant": "t", "source": "outer"}, outer.Metadata,
				"what is inherited is read only")
		})
	}
}

func TestMetadataFromOutsideHandler(t *testing.T) {
	t.Parallel()
	md, ok := command.MetadataFrom(t.Context())
	require.False(t, ok)
	require.Zero(t, md)
}

func TestDispatchWithinHandler(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	var outer, inner command.Metadata
	require.NoError(t, command.Register(bus, func(ctx context.Context, c OpenShop) (eventstore.Outcome, error) {
		outer, _ = command.MetadataFrom(ctx)
		return bus.Dispatch(ctx, CloseShop(c))
	}))
	require.NoError(t, command.Register(bus, func(ctx context.Context, _ CloseShop) (eventstore.Outcome, error) {
		inner, _ = command.MetadataFrom(ctx)
		return eventstore.Outcome{}, nil
	}))

	require.NoError(t, errOf(bus.Dispatch(t.Context(), OpenShop{}, command.WithActor("user-1"))))

	require.NotEqual(t, outer.ID, inner.ID)
	require.Equal(t, outer.CorrelationID, inner.CorrelationID)
	require.Equal(t, outer.ID, inner.CausationID)
	require.Equal(t, "user-1", inner.ActorID)
	require.Empty(t, outer.CausationID)
}

func TestDispatchDefaults(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	seen := make(map[string]bool)
	require.NoError(t, command.Register(bus, func(ctx context.Context, _ OpenShop) (eventstore.Outcome, error) {
		md, _ := command.MetadataFrom(ctx)
		seen[md.ID], seen[md.CorrelationID] = true, true
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`, md.ID)
		require.Equal(t, time.UTC, md.Timestamp.Location())
		require.False(t, md.Timestamp.IsZero())
		return eventstore.Outcome{}, nil
	}))
	for range 10 {
		require.NoError(t, errOf(bus.Dispatch(t.Context(), OpenShop{})))
	}
	require.Len(t, seen, 20)
}

func TestOptionMistakes(t *testing.T) {
	t.Parallel()
	long, bad := strings.Repeat("x", eventstore.MaxIDBytes+1), "a\xff"
	for _, tt := range []struct {
		name string
		opts []command.Option
		want []string
	}{
		{
			"empty id",
			[]command.Option{command.WithID("")},
			[]string{"command id: found nothing, expected 1 to 255 bytes of UTF-8"},
		},
		{"long id", []command.Option{command.WithID(long)}, []string{"command id: found 256 bytes, expected 1 to 255"}},
		{"bad id", []command.Option{command.WithID(bad)}, []string{`command id: found "a\xff", expected`}},
		{"empty actor", []command.Option{command.WithActor("")}, []string{"actor id: found nothing"}},
		{"metadata", []command.Option{command.WithMetadata(map[string]string{"": "v", "k": bad})}, []string{
			"metadata key: found nothing", `metadata "k": found 2 bytes, "a\xff", expected`,
		}},
		{
			"all at once",
			[]command.Option{command.WithID(""), command.WithCorrelationID(long), command.WithActor(bad)},
			[]string{
				"dispatch command_test.OpenShop: ", "command id: found nothing",
				"correlation id: found 256 bytes", `actor id: found "a\xff"`,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ran := false
			bus := command.NewBus(command.Config{})
			require.NoError(t, command.Register(bus, func(context.Context, OpenShop) (eventstore.Outcome, error) {
				ran = true
				return eventstore.Outcome{}, nil
			}))

			_, err := bus.Dispatch(t.Context(), OpenShop{}, tt.opts...)

			require.ErrorIs(t, err, eventstore.ErrInvalid)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
			require.False(t, ran)
		})
	}
}

func TestOptionLongestIDs(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	require.NoError(t, command.Register(bus, openShop))
	id := strings.Repeat("x", eventstore.MaxIDBytes)
	require.NoError(t, errOf(bus.Dispatch(t.Context(), OpenShop{},
		command.WithID(id), command.WithCorrelationID(id), command.WithActor(id),
		command.WithMetadata(map[string]string{id: ""}))))
}

// A middleware tries again. The handler does not count as committing twice, because each run starts
// afresh.
func TestMiddlewareRetry(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{Middleware: []command.Middleware{func(next command.Handler) command.Handler {
		return func(ctx context.Context, cmd any) (eventstore.Outcome, error) {
			ctx = event.WithCause(ctx, event.Cause{CommandID: "set by middleware"})
			_, err := next(ctx, cmd)
			done, again := next(ctx, cmd)
			return done, errors.Join(err, again)
		}
	}}})
	runs := 0
	require.NoError(t, command.Register(bus, func(ctx context.Context, _ OpenShop) (eventstore.Outcome, error) {
		runs++
		require.Equal(t, "set by middleware", event.CauseFrom(ctx).CommandID)
		require.True(t, handling.First(ctx, handling.Deed{Category: "Stream"}), "run %d", runs)
		require.False(t, handling.First(ctx, handling.Deed{Category: "Stream"}), "run %d", runs)
		return eventstore.Outcome{}, nil
	}))
	require.NoError(t, errOf(bus.Dispatch(t.Context(), OpenShop{})))
	require.Equal(t, 2, runs)
}
