package query_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/query"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// counting returns "id-1", "id-2" and so on.
func counting() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("id-%d", n) }
}

func TestAskMetadata(t *testing.T) {
	t.Parallel()
	outer := event.Cause{CorrelationID: "conversation", CausationID: "c-0", CommandID: "c-0", ActorID: "user-0"}
	for _, tt := range []struct {
		name  string
		from  event.Cause
		opts  []query.Option
		want  query.Metadata
		cause event.Cause
	}{
		{
			name:  "defaults",
			want:  query.Metadata{ID: "id-1", Timestamp: noon, CorrelationID: "id-2"},
			cause: event.Cause{CorrelationID: "id-2"},
		},
		{
			name:  "options",
			opts:  []query.Option{query.WithID("q"), query.WithCorrelationID("k"), query.WithActor("u")},
			want:  query.Metadata{ID: "q", Timestamp: noon, CorrelationID: "k", ActorID: "u"},
			cause: event.Cause{CorrelationID: "k", ActorID: "u"},
		},
		{
			name: "inherited from the cause in the context",
			from: outer,
			want: query.Metadata{
				ID: "id-1", Timestamp: noon, CorrelationID: "conversation", CausationID: "c-0", ActorID: "user-0",
			},
			cause: outer,
		},
		{
			name:  "options before what is inherited",
			from:  outer,
			opts:  []query.Option{query.WithCorrelationID("k"), query.WithActor("u")},
			want:  query.Metadata{ID: "id-1", Timestamp: noon, CorrelationID: "k", CausationID: "c-0", ActorID: "u"},
			cause: event.Cause{CorrelationID: "k", CausationID: "c-0", CommandID: "c-0", ActorID: "u"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bus := query.NewBus(query.Config{Now: func() time.Time { return noon }, NewID: counting()})
			var ok bool
			var got query.Metadata
			var cause event.Cause
			require.NoError(t, query.Register(bus, func(ctx context.Context, _ GetShop) (Shop, error) {
				got, ok = query.MetadataFrom(ctx)
				cause = event.CauseFrom(ctx)
				return Shop{}, nil
			}))
			ctx := t.Context()
			if tt.from.CorrelationID != "" {
				ctx = event.WithCause(ctx, tt.from)
			}

			_, err := query.Ask(ctx, bus, GetShop{}, tt.opts...)

			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.cause, cause)
		})
	}
}

func TestAskWithinHandler(t *testing.T) {
	t.Parallel()
	bus := query.NewBus(query.Config{})
	var outer, inner query.Metadata
	require.NoError(t, query.Register(bus, func(ctx context.Context, _ ListShops) ([]Shop, error) {
		outer, _ = query.MetadataFrom(ctx)
		shop, err := query.Ask(ctx, bus, GetShop{Name: "a"})
		return []Shop{shop}, err
	}))
	require.NoError(t, query.Register(bus, func(ctx context.Context, q GetShop) (Shop, error) {
		inner, _ = query.MetadataFrom(ctx)
		return Shop{Name: q.Name}, nil
	}))

	shops, err := query.Ask(t.Context(), bus, ListShops{}, query.WithActor("user-1"))

	require.NoError(t, err)
	require.Equal(t, []Shop{{Name: "a"}}, shops)
	require.Equal(t, outer.CorrelationID, inner.CorrelationID)
	require.Equal(t, "user-1", inner.ActorID)
	require.NotEqual(t, outer.ID, inner.ID)
}

func TestMetadataFromOutsideHandler(t *testing.T) {
	t.Parallel()
	md, ok := query.MetadataFrom(t.Context())
	require.False(t, ok)
	require.Zero(t, md)
}

func TestOptionMistakes(t *testing.T) {
	t.Parallel()
	ran := false
	bus := query.NewBus(query.Config{})
	require.NoError(t,
		query.Register(bus, func(context.Context, GetShop) (Shop, error) { ran = true; return Shop{}, nil }))

	_, err := query.Ask(t.Context(), bus, GetShop{},
		query.WithID(""), query.WithCorrelationID(strings.Repeat("x", eventstore.MaxIDBytes+1)),
		query.WithActor("a\xff"))

	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.ErrorContains(t, err, "ask query_test.GetShop: ")
	require.ErrorContains(t, err, "query id: found nothing, expected 1 to 255 bytes of UTF-8")
	require.ErrorContains(t, err, "correlation id: found 256 bytes")
	require.ErrorContains(t, err, `actor id: found "a\xff"`)
	require.False(t, ran)
}
