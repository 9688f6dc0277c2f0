package prose_test

import (
	"io/fs"
	"maps"
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

// rewrittenLater are the folders that may break the rules for now, with the folders below them. "."
// is the documents at the root alone. A folder leaves the list when it conforms, and none is added.
var rewrittenLater = map[string]bool{
	".":                       true,
	"examples/billing":        true,
	"examples/infrastructure": true,
	"kafka":                   true,
	"schema":                  true,
}

// rewritten are folders that conform, below folders that do not.
var rewritten = map[string]bool{
	"examples/infrastructure/billing-tool": true,
	"kafka/kafkatest":                      true,
	"schema/generic":                       true,
}

// TestTexts holds the rules over every comment and every document of the module.
func TestTexts(t *testing.T) {
	left := map[string]map[int]int{} // by folder and rule
	used := map[string]bool{}
	for _, name := range texts(t) {
		folder := path.Dir(name)
		exception := exceptionOf(folder)
		for _, f := range findings(t, name) {
			if exception == "" {
				t.Errorf("%s:%d: rule %d: %s", name, f.Line, f.Rule, f.Text)
				continue
			}
			used[exception] = true
			if left[folder] == nil {
				left[folder] = map[int]int{}
			}
			left[folder][f.Rule]++
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(left)) {
		t.Logf("rewritten later: %s: findings by rule: %v", folder, left[folder])
	}
	require.Equal(t, rewrittenLater, used, "a folder on the list conforms: take it from the list")
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

// exceptionOf is the entry of rewrittenLater that a folder falls under, or empty.
func exceptionOf(folder string) string {
	if folder == "." && rewrittenLater[folder] {
		return folder
	}
	for ; folder != "." && !rewritten[folder]; folder = path.Dir(folder) {
		if rewrittenLater[folder] {
			return folder
		}
	}
	return ""
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
