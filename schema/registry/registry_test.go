package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

// testRegistry is what every registry passes. Each call of open may return the same registry, as
// subjects differ; their names start with prefix.
func testRegistry(t *testing.T, prefix string, open func(t *testing.T) registry.Registry) {
	t.Helper()
	cases := map[string]func(*testing.T, registry.Registry, string){
		"registers":           testRegisters,
		"versions":            testVersions,
		"shares ids":          testSharesIDs,
		"tells apart":         testTellsApart,
		"spellings":           testSpellings,
		"refuses":             testRefuses,
		"finds nothing":       testFindsNothing,
		"registers at a time": testConcurrent,
		"honours ctx":         testCancelled,
		"lists":               testLists,
		"levels":              testLevels,
		"odd names":           testOddNames,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t), prefix+"-"+t.Name())
		})
	}
}

func testRegisters(t *testing.T, r registry.Registry, subject string) {
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

func testVersions(t *testing.T, r registry.Registry, subject string) {
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

func testSharesIDs(t *testing.T, r registry.Registry, subject string) {
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

// testSpellings checks that one schema is one version, however its names and types are spelled.
func testSpellings(t *testing.T, r registry.Registry, subject string) {
	t.Helper()
	const inner = `{"name":"a","type":{"type":"record","name":"In","fields":[{"name":"x","type":"string","default":"type"}]}},{"name":"b","type":"In"}`
	first, err := r.Register(t.Context(), subject, record(inner))
	require.NoError(t, err)
	for old, spelled := range map[string]string{
		`"type":"string"`: `"type":{"type":"string"}`,
		`"name":"In"`:     `"name":"billing.account.In"`,
		`"name":"In",`:    `"name":"In","namespace":"billing.account",`,
		`"type":"In"`:     `"type":"billing.account.In"`,
		`"name":"Thing","namespace":"billing.account"`: `"name":"billing.account.Thing"`,
	} {
		text := replaceOnce(t, record(inner), old, spelled)
		again, err := r.Register(t.Context(), subject, text)
		require.NoError(t, err, text)
		require.Equal(t, 1, again.Version, text)
		require.Equal(t, first.ID, again.ID, text)
	}
}

// testTellsApart checks that each of its schemas gets another id: values of each are other bytes,
// or are read with other defaults.
func testTellsApart(t *testing.T, r registry.Registry, subject string) {
	t.Helper()
	const a, b = `{"name":"a","type":"string","default":""}`, `{"name":"b","type":"string","default":""}`
	require.NoError(t, r.SetCompatibility(t.Context(), subject, change.FullTransitive))
	ids := make(map[int]string)
	for i, text := range []string{
		record(a + "," + b), record(b + "," + a), record(a + "," + replaceOnce(t, b, `""`, `"x"`)),
	} {
		is, err := r.Register(t.Context(), subject, text)
		require.NoError(t, err, text)
		require.Equal(t, i+1, is.Version, text)
		require.Empty(t, ids[is.ID], text)
		ids[is.ID] = text
		found, err := r.Find(t.Context(), subject, text)
		require.NoError(t, err)
		require.Equal(t, is.ID, found.ID)
		require.Equal(t, i+1, found.Version)
		stored, err := r.Schema(t.Context(), is.ID)
		require.NoError(t, err)
		require.JSONEq(t, text, stored)
	}
}

func testRefuses(t *testing.T, r registry.Registry, subject string) {
	t.Helper()
	_, err := r.Register(t.Context(), subject, v1)
	require.NoError(t, err)
	_, err = r.Register(t.Context(), subject, bad)
	require.ErrorIs(t, err, schema.ErrIncompatible)
	var e *registry.Error
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

func testFindsNothing(t *testing.T, r registry.Registry, subject string) {
	t.Helper()
	_, err := r.Find(t.Context(), subject, v1)
	require.ErrorIs(t, err, schema.ErrNotFound)
	require.Contains(t, err.Error(), subject)
	_, err = r.Latest(t.Context(), subject)
	require.ErrorIs(t, err, schema.ErrNotFound)
	_, err = r.Versions(t.Context(), subject)
	require.ErrorIs(t, err, schema.ErrNotFound)
	require.Contains(t, err.Error(), subject)
	for _, id := range []int{-1, 0, 2_000_000_000, 1 << 40} {
		_, err = r.Schema(t.Context(), id)
		require.ErrorIs(t, err, schema.ErrNotFound)
	}
	// The registry does not remember that the schema was not there.
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

func testConcurrent(t *testing.T, r registry.Registry, subject string) {
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

func testCancelled(t *testing.T, r registry.Registry, subject string) {
	t.Helper()
	why := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, byID := r.Schema(ctx, 1)
	_, find := r.Find(ctx, subject, v1)
	_, register := r.Register(ctx, subject, v1)
	_, latest := r.Latest(ctx, subject)
	_, versions := r.Versions(ctx, subject)
	_, subjects := r.Subjects(ctx)
	level := r.SetCompatibility(ctx, subject, change.Full)
	for _, err := range []error{byID, find, register, latest, versions, subjects, level} {
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, why)
		require.NotErrorIs(t, err, schema.ErrUnavailable)
	}
	_, err := r.Latest(t.Context(), subject)
	require.ErrorIs(t, err, schema.ErrNotFound)
}

func testLists(t *testing.T, r registry.Registry, subject string) {
	t.Helper()
	for i, text := range []string{v1, v2} {
		_, err := r.Register(t.Context(), subject, text)
		require.NoError(t, err)
		versions, err := r.Versions(t.Context(), subject)
		require.NoError(t, err)
		require.Len(t, versions, i+1)
		for n, v := range versions {
			found, err := r.Find(t.Context(), subject, []string{v1, v2}[n])
			require.NoError(t, err)
			require.JSONEq(t, found.Text, v.Text)
			v.Text, found.Text = "", ""
			require.Equal(t, found, v)
		}
	}
	require.NoError(t, r.SetCompatibility(t.Context(), subject+"-without-versions", change.Full))
	subjects, err := r.Subjects(t.Context())
	require.NoError(t, err)
	require.Contains(t, subjects, subject)
	require.NotContains(t, subjects, subject+"-without-versions")
	require.IsIncreasing(t, subjects)
}

func testLevels(t *testing.T, r registry.Registry, subject string) {
	t.Helper()
	require.ErrorIs(t, r.SetCompatibility(t.Context(), subject, "SIDEWAYS"), registry.ErrRefused)
	// v3 reads what v2 wrote and not what v1 wrote; v1 reads what all wrote.
	for level, takes := range map[change.Compatibility]bool{
		change.None: true, change.Backward: true, change.BackwardTransitive: false,
		change.Forward: true, change.ForwardTransitive: true, change.Full: true, change.FullTransitive: false,
	} {
		s := fmt.Sprint(subject, "-", level)
		require.NoError(t, r.SetCompatibility(t.Context(), s, level))
		for _, text := range []string{v1, v2} {
			_, err := r.Register(t.Context(), s, text)
			require.NoError(t, err, level)
		}
		_, err := r.Register(t.Context(), s, v3)
		if takes {
			require.NoError(t, err, level)
		} else {
			require.ErrorIs(t, err, schema.ErrIncompatible, level)
		}
	}
}

func testOddNames(t *testing.T, r registry.Registry, subject string) {
	t.Helper()
	for _, name := range []string{subject + "/é %2F.", subject + "\\..:*", "." + subject} {
		is, err := r.Register(t.Context(), name, v1)
		require.NoError(t, err, name)
		latest, err := r.Latest(t.Context(), name)
		require.NoError(t, err, name)
		require.Equal(t, is.ID, latest.ID)
		subjects, err := r.Subjects(t.Context())
		require.NoError(t, err)
		require.Contains(t, subjects, name)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	testRegistry(t, "memory", func(*testing.T) registry.Registry { return m })
	testChanges(t, m, "memory", map[string]string{})
}

// Memory does as Confluent's registry does, and Apicurio does not.
func TestMemoryCountsDocumentationAndAliases(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	for i, more := range []string{``, `,"doc":"What it is."`, `,"aliases":["z"]`} {
		is, err := m.Register(t.Context(), "s", record(`{"name":"a","type":"string"`+more+`}`))
		require.NoError(t, err)
		require.Equal(t, i+1, is.Version)
		require.Equal(t, i+1, is.ID)
	}
}

func TestMemoryCountsFromOne(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	for i := range 3 {
		is, err := m.Register(t.Context(), fmt.Sprint("s", i), record(fmt.Sprintf(`{"name":"f%d","type":"int"}`, i)))
		require.NoError(t, err)
		require.Equal(t, i+1, is.ID)
	}
}
