package registry_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestBindReportsAbsentRegistryOnce(t *testing.T) {
	t.Parallel()
	requests := 0
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.WriteHeader(http.StatusBadGateway)
	}))
	h, _ := connect(t, url, registry.HTTPConfig{Attempts: 2})
	c, err := schema.NewCodec(h, accountSources(), schema.Config{})
	require.NoError(t, err)
	err = c.Bind(t.Context(), []event.Type{created(), credited()})
	require.ErrorIs(t, err, schema.ErrUnavailable)
	require.ErrorContains(t, err, url)
	require.ErrorContains(t, err, "1 more types not asked for")
	require.Equal(t, 2, requests)
}

// TestDecodeRecovers: a registry that was away, or did not know an id, is asked again.
func TestDecodeRecovers(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	var away atomic.Bool
	serveMemory := protocol(m)
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		serveMemory.ServeHTTP(w, req)
	}))
	h, _ := connect(t, url, registry.HTTPConfig{Attempts: 1})
	c, typ := bound[a](t, h, v1)
	value := []byte{0, 0, 0, 0, 2, 2, 'x', 14} // v2's, which will have id 2
	var got a

	away.Store(true)
	err := c.Decode(t.Context(), typ, value, &got)
	require.ErrorIs(t, err, schema.ErrUnavailable)
	require.ErrorContains(t, err, url)
	require.ErrorContains(t, err, "schema id 2")

	away.Store(false)
	require.ErrorIs(t, c.Decode(t.Context(), typ, value, &got), schema.ErrNotFound)
	is, err := m.Register(t.Context(), thingSubject, v2)
	require.NoError(t, err)
	require.Equal(t, 2, is.ID)
	require.NoError(t, c.Decode(t.Context(), typ, value, &got))
	require.Equal(t, a{"x"}, got)

	away.Store(true)
	require.NoError(t, c.Decode(t.Context(), typ, value, &got), "what was read once needs no registry")
}
