package aggregatetest

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fencelog/fencelog/aggregate"
)

// CheckNamed fails the test for each event type of the package under test that is not listed in
// aggregate.NewType. An event type has the methods EventType() string and Apply(*S), its own or
// embedded. The compiler cannot see that a type is missing from the list. Without this test, the
// first event of such a type fails when it is made.
//
// CheckNamed reads the package's Go files in the working directory, as go test sets it. It reads
// the files that are built on this system without build tags, and no tests. So call it from a test
// of the package that declares the events.
func CheckNamed[S any](t testing.TB, typ *aggregate.Type[S]) {
	t.Helper()
	if err := typ.Err(); err != nil {
		t.Fatalf("%v", err)
	}
	state := reflect.TypeFor[S]()
	if state.Name() == "" {
		t.Fatalf("aggregate type %q: its state is a %s, which has no name; expected a named type", typ.Name(), state)
	}
	src, err := parsePackage(".")
	if err != nil {
		t.Fatalf("%v", err)
	}
	declared := src.events(state)
	listed := 0
	for _, e := range typ.Events() {
		if e.Go.PkgPath() != src.importPath {
			continue
		}
		listed++
		name := baseName(e.Go)
		if _, ok := declared[name]; !ok {
			t.Errorf("aggregate type %q: event %s is listed, but not declared in a Go file of package %s that is "+
				"built without build tags and is no test; so events beside it cannot be checked", typ.Name(), e.Go,
				src.importPath)
		}
		delete(declared, name)
	}
	if listed == 0 {
		t.Fatalf("aggregate type %q: none of its events is declared in package %s; "+
			"call CheckNamed from a test of the package that declares them", typ.Name(), src.importPath)
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		t.Errorf("%s: event %s has EventType() and Apply(*%s) but is not among the events of aggregate type %q: "+
			"add %s{} to aggregate.NewType", declared[name], name, state.Name(), typ.Name(), name)
	}
}

// source is the package in a directory.
type source struct {
	importPath string
	fset       *token.FileSet
	files      []*ast.File
}

func parsePackage(dir string) (*source, error) {
	importPath, err := importPathOf(dir)
	if err != nil {
		return nil, err
	}
	src := &source{importPath: importPath, fset: token.NewFileSet()}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		if built, err := build.Default.MatchFile(dir, e.Name()); err != nil || !built {
			continue
		}
		file, err := parser.ParseFile(src.fset, filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		src.files = append(src.files, file)
	}
	return src, nil
}

// events returns the names of the types that have the methods of an event of state, and the places
// of their declarations.
func (s *source) events(state reflect.Type) map[string]token.Position {
	imports := stubs{of: state}
	// Other packages are not loaded, so there are errors. The methods do not depend on them.
	conf := types.Config{Importer: imports, Error: func(error) {}, IgnoreFuncBodies: true, FakeImportC: true}
	pkg, _ := conf.Check(s.importPath, s.fset, s.files, nil)
	found := make(map[string]token.Position)
	for _, name := range pkg.Scope().Names() {
		obj, ok := pkg.Scope().Lookup(name).(*types.TypeName)
		if !ok || obj.IsAlias() || types.IsInterface(obj.Type()) {
			continue
		}
		if s.isEventType(pkg, obj.Type()) && s.appliesTo(pkg, obj.Type(), state) {
			found[name] = s.fset.Position(obj.Pos())
		}
	}
	return found
}

func (s *source) isEventType(pkg *types.Package, t types.Type) bool {
	sig := method(pkg, t, "EventType")
	return sig != nil && sig.Params().Len() == 0 && sig.Results().Len() == 1 &&
		types.Identical(sig.Results().At(0).Type(), types.Typ[types.String])
}

func (s *source) appliesTo(pkg *types.Package, t types.Type, state reflect.Type) bool {
	sig := method(pkg, t, "Apply")
	if sig == nil || sig.Params().Len() != 1 || sig.Results().Len() != 0 {
		return false
	}
	p, ok := types.Unalias(sig.Params().At(0).Type()).(*types.Pointer)
	if !ok {
		return false
	}
	n, ok := types.Unalias(p.Elem()).(*types.Named)
	return ok && n.Obj().Name() == baseName(state) && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == state.PkgPath()
}

func method(pkg *types.Package, t types.Type, name string) *types.Signature {
	obj, _, _ := types.LookupFieldOrMethod(t, true, pkg, name)
	f, ok := obj.(*types.Func)
	if !ok {
		return nil
	}
	return f.Signature()
}

// stubs imports every package as an empty one. Only the package of the state holds the state.
type stubs struct{ of reflect.Type }

// Import returns the stub.
func (s stubs) Import(importPath string) (*types.Package, error) {
	name := path.Base(importPath)
	if importPath == s.of.PkgPath() {
		name, _, _ = strings.Cut(s.of.String(), ".")
	}
	pkg := types.NewPackage(importPath, name)
	if importPath == s.of.PkgPath() {
		obj := types.NewTypeName(token.NoPos, pkg, baseName(s.of), nil)
		types.NewNamed(obj, types.NewStruct(nil, nil), nil)
		pkg.Scope().Insert(obj)
	}
	pkg.MarkComplete()
	return pkg, nil
}

// baseName returns the name of a type without its type arguments.
func baseName(g reflect.Type) string {
	name, _, _ := strings.Cut(g.Name(), "[")
	return name
}

// importPathOf returns the import path of the package in dir, by the go.mod above it.
func importPathOf(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for root := dir; ; root = filepath.Dir(root) {
		text, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if err == nil {
			rel, err := filepath.Rel(root, dir)
			return path.Join(modulePath(string(text)), filepath.ToSlash(rel)), err
		}
		if root == filepath.Dir(root) {
			return "", fmt.Errorf("no go.mod in %s or above it: CheckNamed needs a module", dir)
		}
	}
}

func modulePath(gomod string) string {
	for line := range strings.Lines(gomod) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "module" {
			return strings.Trim(fields[1], "\"`")
		}
	}
	return ""
}
