package registry_test

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// Things is the state.
type Things []string

func (t Things) Clone() Things { return slices.Clone(t) }

// happened is the event, as v2 has it.
type happened ab

func (happened) EventType() string { return "Thing" }
func (e happened) Apply(t *Things) { *t = append(*t, e.A) }

// stored returns a repository of things, whose store holds an event of each value, and whose codec
// asks the registry.
func stored(t *testing.T, schemas registry.Registry, values ...[]byte) *aggregate.Repository[Things] {
	t.Helper()
	store, err := memory.New(memory.Config{Categories: []string{accountAggregate}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	for i, value := range values {
		_, err := store.Append(t.Context(),
			eventstore.To(eventstore.Stream{Category: accountAggregate, ID: "a"}, eventstore.Expected(i),
				eventstore.Record{
					Value: value,
					Header: event.Header{
						ID: string(rune('a' + i)), Type: "Thing", Revision: 1,
						CorrelationID: "r", Timestamp: time.Unix(1_700_000_000, 0).UTC(),
					},
				}))
		require.NoError(t, err)
	}
	codec, err := schema.NewCodec(schemas, thing(v2), schema.Config{})
	require.NoError(t, err)
	r, err := aggregate.NewRepository(t.Context(), aggregate.NewType[Things](accountAggregate, happened{}), store,
		codec, aggregate.Config{})
	require.NoError(t, err)
	return r
}

// If a load cannot read an event, it says so, with the place and the schema id. It leaves nothing
// out.
func TestLoadSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	old, oldType := bound[a](t, m, v1)
	_, err := m.Register(t.Context(), thingSubject, v2)
	require.NoError(t, err)
	good, _, err := old.Encode(t.Context(), oldType, a{"x"})
	require.NoError(t, err)
	unknown := append([]byte{0, 0, 0, 3, 231}, good[5:]...)

	var gone atomic.Bool
	serveMemory := protocol(m)
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if gone.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		serveMemory.ServeHTTP(w, req)
	}))
	h, _ := connect(t, url, registry.HTTPConfig{Attempts: 2})

	requireFailure := func(err, sentinel error, id int) {
		t.Helper()
		require.ErrorIs(t, err, sentinel)
		var at *aggregate.DecodeError
		require.ErrorAs(t, err, &at)
		require.EqualValues(t, 2, at.Record.AggregateVersion)
		require.Positive(t, at.Record.Position.Offset)
		var what *schema.DecodeError
		require.ErrorAs(t, err, &what)
		require.Equal(t, id, what.ID)
		require.ErrorContains(t, err, "Account/a version 2 at ")
	}
	current, currentType := bound[ab](t, m, v2)
	readable, _, err := current.Encode(t.Context(), currentType, ab{"y", 1})
	require.NoError(t, err)

	_, err = stored(t, h, readable, unknown).Load(t.Context(), "a")
	requireFailure(err, schema.ErrNotFound, 999)

	things := stored(t, h, readable, good)
	gone.Store(true)
	_, err = things.Load(t.Context(), "a")
	requireFailure(err, schema.ErrUnavailable, 1)

	// The registry does not remember that the server was away.
	gone.Store(false)
	root, err := things.Load(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, Things{"y", "x"}, root.State())
}
