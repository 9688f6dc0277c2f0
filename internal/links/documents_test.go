package links_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/links"
)

const root = "../.."

// TestDocumentsLinkToWhatExists follows every relative link of every document, also to an anchor.
func TestDocumentsLinkToWhatExists(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t) {
		for _, l := range links.Links(read(t, name)) {
			if !l.Relative() {
				continue
			}
			file, anchor := l.Path()
			target := name
			if file != "" {
				target = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s:%d: link to %s: there is no such file", name, l.Line, l.Target)
				continue
			}
			if anchor != "" && !links.Anchors(read(t, target))[anchor] {
				t.Errorf("%s:%d: link to %s: no heading has this anchor", name, l.Line, l.Target)
			}
		}
	}
}

// TestDocumentsNameTestsThatExist looks for each test that a document names. It looks in the file
// or the folder that the link leads to, and anywhere if there is no link.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	everywhere := testsOf(t, ".")
	require.NotEmpty(t, everywhere)
	for _, name := range documents(t) {
		source := read(t, name)
		for _, l := range links.Links(source) {
			for _, test := range l.Tests() {
				if target := path.Join(path.Dir(name), l.Target); !testsOf(t, target)[test] {
					t.Errorf("%s:%d: %s is not in %s", name, l.Line, test, target)
				}
			}
		}
		for _, test := range links.Tests(source) {
			if !everywhere[test.Name] {
				t.Errorf("%s:%d: there is no %s", name, test.Line, test.Name)
			}
		}
	}
}

// TestDocumentsShowWhatIsCompiled compares every snippet of Go with the file that is named above
// it. That file is compiled, and examples are run.
func TestDocumentsShowWhatIsCompiled(t *testing.T) {
	t.Parallel()
	shown := 0
	for _, name := range documents(t) {
		for _, s := range links.Snippets(read(t, name)) {
			if s.From == "" {
				t.Errorf("%s:%d: no file is named above the snippet: <!-- from path/of/file.go -->", name, s.Line)
				continue
			}
			if !strings.Contains(string(read(t, s.From)), s.Code) {
				t.Errorf("%s:%d: the snippet is not in %s", name, s.Line, s.From)
			}
			shown++
		}
	}
	require.Positive(t, shown)
}

// documents are the Markdown files of the module.
func documents(t *testing.T) []string {
	t.Helper()
	all := files(t, ".", ".md")
	require.Contains(t, all, "kafka/DESIGN.md")
	return all
}

// function is the name of a function at the beginning of a line.
var function = regexp.MustCompile(`(?m)^func (\w+)\(`)

// testsOf are the functions in the tests of a file, or of a folder and those below it.
func testsOf(t *testing.T, target string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range files(t, target, "_test.go") {
		for _, m := range function.FindAllStringSubmatch(string(read(t, file)), -1) {
			names[m[1]] = true
		}
	}
	return names
}

// files are the files of a folder, or the one that is named, whose names end so.
func files(t *testing.T, target, ending string) []string {
	t.Helper()
	var names []string
	require.NoError(t, fs.WalkDir(os.DirFS(root), target, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			hidden := name != "." && strings.HasPrefix(entry.Name(), ".")
			if hidden || slices.Contains([]string{"testdata", "node_modules", "bin", "build"}, entry.Name()) {
				return fs.SkipDir
			}
		case strings.HasSuffix(name, ending):
			names = append(names, name)
		}
		return nil
	}))
	return names
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return source
}

// TestReadmeAssemblesToAProgram holds that the snippets of the README, put together, are the program that it is about.
func TestReadmeAssemblesToAProgram(t *testing.T) {
	t.Parallel()
	const program = "examples/hello/main.go"
	_, source, found := strings.Cut(string(read(t, program)), "package main")
	require.True(t, found)
	var parts []string
	for _, s := range links.Snippets(read(t, "README.md")) {
		if s.From == program {
			parts = append(parts, strings.TrimSpace(s.Code))
		}
	}
	require.Equal(t, strings.TrimSpace("package main"+source), strings.Join(parts, "\n\n"))
}
