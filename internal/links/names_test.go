package links_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// history are the documents that speak of what was: names in them may be gone.
var history = regexp.MustCompile(`(^|/)(CHANGELOG|MEASUREMENTS)\.md$|(^|/)adr/`)

// TestDocumentsNameCodeThatExists looks for the folders and the declarations that documents name in
// code spans, such as `kafka/internal/owner` and `Owner.gather`. A name is looked for if its first
// part is a package or a type of the module.
func TestDocumentsNameCodeThatExists(t *testing.T) {
	t.Parallel()
	code := declarations(t)
	span := regexp.MustCompile("`([^`\n]+)`")
	folder := regexp.MustCompile(
		`^(kafka|internal|eventstore|aggregate|schema|examples|fencelogcli|observe)(/[a-z-]+)+$`)
	file := regexp.MustCompile(`\.(go|js|py|md)$`)
	name := regexp.MustCompile(`^(?:[a-z]+\.)?([A-Za-z]\w*)\.([A-Za-z]\w*)$`)
	checked := 0
	for _, document := range documents(t) {
		if history.MatchString(document) {
			continue
		}
		for i, line := range strings.Split(string(read(t, document)), "\n") {
			// "log" is also a package of the standard library.
			for _, s := range span.FindAllStringSubmatch(line, -1) {
				text := strings.TrimSuffix(strings.Split(s[1], "(")[0], "{}")
				if folder.MatchString(text) {
					checked++
					if _, err := os.Stat(filepath.Join(root, text)); err != nil {
						t.Errorf("%s:%d: there is no folder %s", document, i+1, text)
					}
				}
				m := name.FindStringSubmatch(text)
				if m != nil && code.has[m[1]] && m[1] != "log" && !file.MatchString(text) {
					checked++
					if !code.members[m[1]+"."+m[2]] {
						t.Errorf("%s:%d: %s has no %s: see %s", document, i+1, m[1], m[2], text)
					}
				}
			}
		}
	}
	require.Greater(t, checked, 100, "documents name code")
}

// TestArchitectureHasEveryRoom compares the tables of rooms with the packages of the module. A room
// covers the packages below it, if these have no rows.
func TestArchitectureHasEveryRoom(t *testing.T) {
	t.Parallel()
	const document = "ARCHITECTURE.md"
	_, rooms, _ := strings.Cut(string(read(t, document)), "\n## The rooms")
	rooms, _, _ = strings.Cut(rooms, "\n## ")
	named := map[string]bool{}
	span := regexp.MustCompile("`([^`]+)`")
	below := ""
	for line := range strings.SplitSeq(rooms, "\n") {
		if strings.HasPrefix(line, "### ") {
			below = ""
			if strings.Contains(line, "`internal`") {
				below = "internal"
			}
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, s := range span.FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			room := path.Join(below, strings.TrimSuffix(s[1], "/…"))
			named[room] = true
			if _, err := os.Stat(filepath.Join(root, room)); err != nil {
				t.Errorf("%s: there is no room %s", document, room)
			}
		}
	}
	require.Greater(t, len(named), 50)
	apart := []string{"kafka", "schema", "eventstore", "aggregate"} // their rooms have rows
	for _, folder := range packages(t) {
		covered := named[folder]
		for up := path.Dir(folder); !covered && up != "."; up = path.Dir(up) {
			covered = named[up] && !slices.Contains(apart, up)
		}
		if !covered {
			t.Errorf("%s has no row for %s", document, folder)
		}
	}
}

// packages are the folders of the module's packages that are not tests alone.
func packages(t *testing.T) []string {
	t.Helper()
	var all []string
	walk(t, func(name string) {
		if folder := path.Dir(name); !strings.HasSuffix(name, "_test.go") && !slices.Contains(all, folder) {
			all = append(all, folder)
		}
	})
	return all
}

// walk calls do with each file of Go of the module.
func walk(t *testing.T, do func(name string)) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return fs.SkipDir
		case path.Ext(name) == ".go":
			do(name)
		}
		return nil
	}))
}

// declared are the packages and types of the module, and what each has: "Owner.gather" or
// "kafka.Open".
type declared struct{ has, members map[string]bool }

func declarations(t *testing.T) declared {
	t.Helper()
	d := declared{map[string]bool{}, map[string]bool{}}
	files := token.NewFileSet()
	walk(t, func(name string) {
		file, err := parser.ParseFile(files, filepath.Join(root, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		in := file.Name.Name
		d.has[in] = true
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil {
					d.members[in+"."+decl.Name.Name] = true
				} else {
					d.members[receiver(decl.Recv.List[0].Type)+"."+decl.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					d.add(in, spec)
				}
			}
		}
	})
	return d
}

func (d declared) add(in string, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			d.members[in+"."+name.Name] = true
		}
	case *ast.TypeSpec:
		d.has[spec.Name.Name] = true
		d.members[in+"."+spec.Name.Name] = true
		ast.Inspect(spec.Type, func(node ast.Node) bool {
			if field, ok := node.(*ast.Field); ok {
				for _, name := range field.Names {
					d.members[spec.Name.Name+"."+name.Name] = true
				}
			}
			return true
		})
	}
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
