package examples_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = ".."

// Every snippet of Go in the README stands, line by line, in the file that is named above it. That
// file is compiled and run as an example.
func TestReadmeShowsWhatIsCompiled(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md")
	snippets := regexp.MustCompile("(?s)(?:<!-- from (\\S+) -->\n)?```go\n(.*?)```").FindAllStringSubmatch(readme, -1)
	require.NotEmpty(t, snippets)
	for _, s := range snippets {
		require.NotEmpty(t, s[1], "no file is named above the snippet\n%s", s[2])
		require.Contains(t, read(t, s[1]), s[2], "not in %s", s[1])
	}
}

// Every link of the documents leads to something in this repository.
func TestDocumentsLinkToWhatExists(t *testing.T) {
	t.Parallel()
	var documents []string
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && name != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if filepath.Ext(name) == ".md" {
			documents = append(documents, name)
		}
		return err
	}))
	require.Contains(t, documents, "kafka/DESIGN.md")
	code := regexp.MustCompile("(?s)```.*?```|`[^`]*`")
	links := regexp.MustCompile(`\]\(([^)]+)\)`)
	for _, name := range documents {
		for _, link := range links.FindAllStringSubmatch(code.ReplaceAllString(read(t, name), ""), -1) {
			if strings.HasPrefix(link[1], "https://") {
				continue
			}
			file, _, _ := strings.Cut(link[1], "#")
			_, err := os.Stat(filepath.Join(root, filepath.Dir(name), file))
			require.NoError(t, err, "link in %s", name)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(text)
}
