package schema_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
)

const (
	v1 = `{"type":"record","name":"Thing","namespace":"billing.account","fields":[{"name":"a","type":"string"}]}`
	v2 = `{"type":"record","name":"Thing","namespace":"billing.account","fields":[{"name":"a","type":"string"},{"name":"b","type":"long","default":0}]}`
	// v3 reads what v2 wrote, but not what v1 wrote.
	v3 = `{"type":"record","name":"Thing","namespace":"billing.account","fields":[{"name":"a","type":"string"},{"name":"b","type":"long"}]}`
	// bad has a new field without a default.
	bad = `{"type":"record","name":"Thing","namespace":"billing.account","fields":[{"name":"a","type":"string"},{"name":"c","type":"long"}]}`
	// spaced is v1 with other white space.
	spaced = `{ "type": "record", "name": "Thing", "namespace": "billing.account",
	"fields": [ {"name": "a", "type": "string"} ] }`
)

// testRegistry is what every registry passes. Each call of open may return the same registry, as subjects differ; their
// names start with prefix.
func testRegistry(t *testing.T, prefix string, open func(t *testing.T) schema.Registry) {
	t.Helper()
	cases := map[string]func(*testing.T, schema.Registry, string){
		"registers":           testRegisters,
		"versions":            testVersions,
		"shares ids":          testSharesIDs,
		"refuses":             testRefuses,
		"finds nothing":       testFindsNothing,
		"registers at a time": testConcurrent,
		"honours ctx":         testCancelled,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t), prefix+"-"+t.Name())
		})
	}
}

func testRegisters(t *testing.T, r schema.Registry, subject string) {
	t.Helper()
	first, err := r.Register(t.Context(), subject, v1)
	require.NoError(t, err)
	require.Equal(t, subject, first.Subject)
	require.Positive(t, first.ID)
	require.Equal(t, 1, first.Version)
	require.JSONEq(t, v1, first.Text)

	for _, text := range []string{v1, spaced} {
		again, err := r.Register(t.Context(), subject, text)
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		require.Equal(t, 1, again.Version)

		found, err := r.Find(t.Context(), subject, text)
		require.NoError(t, err)
		require.Equal(t, first.ID, found.ID)
		require.Equal(t, 1, found.Version)
	}
	text, err := r.Schema(t.Context(), first.ID)
	require.NoError(t, err)
	require.JSONEq(t, v1, text)
}

func testVersions(t *testing.T, r schema.Registry, subject string) {
	t.Helper()
	ids := make(map[int]bool)
	for i, text := range []string{v1, v2, v3} {
		is, err := r.Register(t.Context(), subject, text)
		require.NoError(t, err)
		require.Equal(t, i+1, is.Version)
		ids[is.ID] = true
		// Latest after each, so that a cached one shows.
		latest, err := r.Latest(t.Context(), subject)
		require.NoError(t, err)
		require.Equal(t, is.ID, latest.ID)
		require.Equal(t, i+1, latest.Version)
		require.JSONEq(t, text, latest.Text)
	}
	require.Len(t, ids, 3)
	old, err := r.Find(t.Context(), subject, v1)
	require.NoError(t, err)
	require.Equal(t, 1, old.Version)
	// Old versions may be given again: that registers nothing.
	old, err = r.Register(t.Context(), subject, v1)
	require.NoError(t, err)
	require.Equal(t, 1, old.Version)
	latest, err := r.Latest(t.Context(), subject)
	require.NoError(t, err)
	require.Equal(t, 3, latest.Version)
}

func testSharesIDs(t *testing.T, r schema.Registry, subject string) {
	t.Helper()
	_, err := r.Register(t.Context(), subject+"-a", v1)
	require.NoError(t, err)
	a, err := r.Register(t.Context(), subject+"-a", v2)
	require.NoError(t, err)
	_, err = r.Find(t.Context(), subject+"-b", v2)
	require.ErrorIs(t, err, schema.ErrNotFound)
	b, err := r.Register(t.Context(), subject+"-b", v2)
	require.NoError(t, err)
	require.Equal(t, a.ID, b.ID)
	require.Equal(t, 2, a.Version)
	require.Equal(t, 1, b.Version)
}

func testRefuses(t *testing.T, r schema.Registry, subject string) {
	t.Helper()
	_, err := r.Register(t.Context(), subject, v1)
	require.NoError(t, err)
	_, err = r.Register(t.Context(), subject, bad)
	require.ErrorIs(t, err, schema.ErrIncompatible)
	var e *schema.RegistryError
	require.ErrorAs(t, err, &e)
	require.Equal(t, subject, e.Subject)
	require.Contains(t, err.Error(), subject)
	require.NotEmpty(t, e.URL)

	for _, text := range []string{`{"type":"record"}`, `{"type":"nonsense"}`, `{`, ``} {
		_, err = r.Register(t.Context(), subject, text)
		require.ErrorIs(t, err, schema.ErrInvalidSchema, "%q", text)
		_, err = r.Find(t.Context(), subject, text)
		require.ErrorIs(t, err, schema.ErrInvalidSchema, "%q", text)
	}
	latest, err := r.Latest(t.Context(), subject)
	require.NoError(t, err)
	require.Equal(t, 1, latest.Version)
}

func testFindsNothing(t *testing.T, r schema.Registry, subject string) {
	t.Helper()
	_, err := r.Find(t.Context(), subject, v1)
	require.ErrorIs(t, err, schema.ErrNotFound)
	require.Contains(t, err.Error(), subject)
	_, err = r.Latest(t.Context(), subject)
	require.ErrorIs(t, err, schema.ErrNotFound)
	for _, id := range []int{-1, 0, 2_000_000_000, 1 << 40} {
		_, err = r.Schema(t.Context(), id)
		require.ErrorIs(t, err, schema.ErrNotFound)
	}
	// That it was not there is not remembered.
	is, err := r.Register(t.Context(), subject, v1)
	require.NoError(t, err)
	_, err = r.Find(t.Context(), subject, v1)
	require.NoError(t, err)
	_, err = r.Latest(t.Context(), subject)
	require.NoError(t, err)
	_, err = r.Schema(t.Context(), is.ID)
	require.NoError(t, err)
	_, err = r.Find(t.Context(), subject, v2)
	require.ErrorIs(t, err, schema.ErrNotFound)
}

func testConcurrent(t *testing.T, r schema.Registry, subject string) {
	t.Helper()
	const callers = 8
	var wg sync.WaitGroup
	found := make([]schema.Registered, callers)
	failed := make([]error, callers)
	for i := range callers {
		wg.Go(func() {
			found[i], failed[i] = r.Register(t.Context(), subject, v1)
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(failed...))
	for _, is := range found {
		require.Equal(t, found[0].ID, is.ID)
		require.Equal(t, 1, is.Version)
	}
}

func testCancelled(t *testing.T, r schema.Registry, subject string) {
	t.Helper()
	why := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, byID := r.Schema(ctx, 1)
	_, find := r.Find(ctx, subject, v1)
	_, register := r.Register(ctx, subject, v1)
	_, latest := r.Latest(ctx, subject)
	for _, err := range []error{byID, find, register, latest} {
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, why)
		require.NotErrorIs(t, err, schema.ErrUnavailable)
	}
	_, err := r.Latest(t.Context(), subject)
	require.ErrorIs(t, err, schema.ErrNotFound)
}

func TestMemory(t *testing.T) {
	t.Parallel()
	m := schema.NewMemory()
	testRegistry(t, "memory", func(*testing.T) schema.Registry { return m })
}

func TestMemoryCountsFromOne(t *testing.T) {
	t.Parallel()
	m := schema.NewMemory()
	for i := range 3 {
		is, err := m.Register(t.Context(), fmt.Sprint("s", i), record(fmt.Sprintf(`{"name":"f%d","type":"int"}`, i)))
		require.NoError(t, err)
		require.Equal(t, i+1, is.ID)
	}
}
