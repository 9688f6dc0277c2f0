package prose_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/prose"
)

const root = "../.."

// TestTexts holds the rules over every comment and every document of the module.
func TestTexts(t *testing.T) {
	for _, name := range texts(t) {
		for _, f := range findings(t, name) {
			t.Errorf("%s:%d: rule %d: %s", name, f.Line, f.Rule, f.Text)
		}
	}
}

// texts are the files of Go and the documents of the module.
func texts(t *testing.T) []string {
	t.Helper()
	var names []string
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			hidden := name != "." && strings.HasPrefix(entry.Name(), ".")
			if hidden || slices.Contains([]string{"testdata", "bin", "build"}, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if extension := path.Ext(name); extension == ".go" || extension == ".md" {
			names = append(names, name)
		}
		return nil
	}))
	return names
}

// findings checks one file.
func findings(t *testing.T, name string) []prose.Finding {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	if path.Ext(name) == ".md" {
		return prose.Markdown(source)
	}
	found, err := prose.Go(source)
	require.NoError(t, err, name)
	return found
}
