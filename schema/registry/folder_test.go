package registry_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

func openFolder(tb testing.TB, dir string) *registry.Folder {
	tb.Helper()
	f, err := registry.OpenFolder(dir)
	require.NoError(tb, err)
	return f
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// One for each case, as if they were processes.
	testRegistry(t, "folder", func(t *testing.T) registry.Registry {
		t.Helper()
		return openFolder(t, dir)
	})
	testChanges(t, openFolder(t, dir), "folder", map[string]string{})
}

func TestFolderHoldsTheSchemasAsFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	f := openFolder(t, dir)
	first, err := f.Register(t.Context(), thingSubject, spaced)
	require.NoError(t, err)
	_, err = f.Register(t.Context(), thingSubject, v2)
	require.NoError(t, err)
	require.NoError(t, f.SetCompatibility(t.Context(), thingSubject, change.FullTransitive))
	files := make(map[string]string)
	entries, err := os.ReadDir(filepath.Join(dir, thingSubject))
	require.NoError(t, err)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, thingSubject, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(text)
	}
	require.Equal(t, map[string]string{
		"v1.avsc": spaced + "\n", "v2.avsc": v2 + "\n",
		"compatibility": "FULL_TRANSITIVE\n",
	}, files)

	// An id follows from the text alone: this one may never change.
	require.Equal(t, 24420917, first.ID)
	elsewhere, err := openFolder(t, t.TempDir()).Register(t.Context(), "other", v1)
	require.NoError(t, err)
	require.Equal(t, first.ID, elsewhere.ID)

	// Another process finds everything, and the level holds for it too.
	again := openFolder(t, dir)
	text, err := again.Schema(t.Context(), first.ID)
	require.NoError(t, err)
	require.JSONEq(t, v1, text)
	_, err = again.Register(t.Context(), thingSubject, v3)
	require.ErrorIs(t, err, schema.ErrIncompatible)
}

func TestFolderSeesWhatOthersRegister(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	reader, writer := openFolder(t, dir), openFolder(t, dir)
	_, err := reader.Latest(t.Context(), "s")
	require.ErrorIs(t, err, schema.ErrNotFound)
	is, err := writer.Register(t.Context(), "s", v1)
	require.NoError(t, err)
	found, err := reader.Find(t.Context(), "s", v1)
	require.NoError(t, err)
	require.Equal(t, is.ID, found.ID)
	_, err = reader.Schema(t.Context(), is.ID)
	require.NoError(t, err)
}

func TestFoldersRegisterDifferentSchemasAtATime(t *testing.T) {
	t.Parallel()
	const writers = 6
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range writers {
		f := openFolder(t, dir)
		wg.Go(func() {
			_, err := f.Register(t.Context(),
				"s", record(`{"name":"f","type":"int","default":`+string(rune('0'+i))+`}`))
			require.NoError(t, err) //nolint:testifylint // a failure shows in the count as well
		})
	}
	wg.Wait()
	versions, err := openFolder(t, dir).Versions(t.Context(), "s")
	require.NoError(t, err)
	require.Len(t, versions, writers)
}

func TestEmbeddedFolderIsReadOnly(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{thingSubject + "/v1.avsc": {Data: []byte(v1)}, "README.md": {Data: []byte("not a subject")}}
	f, err := registry.NewFolder(files)
	require.NoError(t, err)
	is, err := f.Register(t.Context(), thingSubject, spaced)
	require.NoError(t, err, "it is there")
	require.Equal(t, 1, is.Version)
	_, err = f.Register(t.Context(), thingSubject, v2)
	require.ErrorIs(t, err, registry.ErrRefused)
	require.ErrorContains(t, err, "read only")
	require.ErrorIs(t, f.SetCompatibility(t.Context(), thingSubject, change.Full), registry.ErrRefused)
}

func TestFolderReportsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := registry.NewFolder(fstest.MapFS{
		"gap/v1.avsc":            {Data: []byte(v1)},
		"gap/v3.avsc":            {Data: []byte(v2)},
		"copy/v1.avsc":           {Data: []byte(v1)},
		"copy/v1 (2).avsc":       {Data: []byte(v1)},
		"conflict/v1.avsc":       {Data: []byte("<<<<<<< HEAD\n" + v1)},
		"level/v1.avsc":          {Data: []byte(v1)},
		"level/compatibility":    {Data: []byte("SOMETIMES")},
		"good/v1.avsc":           {Data: []byte(v1)},
		"good/.unfinished-12345": {Data: []byte("{")},
	})
	for _, subject := range []string{"gap", "copy", "conflict", "level"} {
		require.ErrorContains(t, err, `"`+subject+`"`)
	}
	require.NotContains(t, err.Error(), `"good"`)
	require.ErrorIs(t, err, schema.ErrInvalidSchema)
	require.ErrorIs(t, err, registry.ErrRefused)
	require.ErrorContains(t, err, "v2.avsc")
	require.ErrorContains(t, err, "SOMETIMES")
}

func TestFolderMissesAnEditedSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := openFolder(t, dir)
	is, err := f.Register(t.Context(), "s", v1)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "s", "v1.avsc"), []byte(v2), 0o600))
	_, err = openFolder(t, dir).Schema(t.Context(), is.ID)
	require.ErrorIs(t, err, schema.ErrNotFound)
	require.ErrorContains(t, err, "edited")
}
