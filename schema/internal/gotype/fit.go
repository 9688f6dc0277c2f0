package gotype

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/schema/internal/avsc"
)

// Fit returns every mismatch of the struct g with the schema of a record:
//
//   - a field that one of them lacks;
//   - a Go type that cannot hold every value of the schema's type;
//   - a Go type whose values the schema's type cannot hold.
func Fit(g reflect.Type, record *avro.SchemaNode) []Mismatch {
	f := fitter{named: avsc.NamesIn(record), seen: make(map[Pair]bool)}
	f.fit("", g, record, avsc.NamespaceOf(record))
	return f.Found
}

type fitter struct {
	Mismatches

	named avsc.Names
	seen  map[Pair]bool // a recursive record is compared once
}

// fit compares a Go type with the schema of one value; namespace is that of the record around it.
func (f *fitter) fit(path string, g reflect.Type, n *avro.SchemaNode, namespace string) {
	switch n.Type {
	case "record", "error":
		f.record(path, g, n)
	case "union":
		f.union(path, g, n, namespace)
	case "array":
		if g.Kind() != reflect.Slice {
			f.want(path, g, n, "a slice")
			return
		}
		f.fit(path+"[]", g.Elem(), n.Items, namespace)
	case "map":
		if g.Kind() != reflect.Map || g.Key() != reflect.TypeFor[string]() {
			f.want(path, g, n, "a map with string keys")
			return
		}
		f.fit(path+"{}", g.Elem(), n.Values, namespace)
	case "enum":
		f.enum(path, g, n)
	case "fixed":
		if g.Kind() != reflect.Array || g.Elem().Kind() != reflect.Uint8 || g.Len() != n.Size {
			f.want(path, g, n, fmt.Sprintf("[%d]byte", n.Size))
		}
	default:
		f.scalar(path, g, n, namespace)
	}
}

func (f *fitter) scalar(path string, g reflect.Type, n *avro.SchemaNode, namespace string) {
	var ok bool
	var want string
	switch n.Type {
	case "boolean":
		ok, want = g.Kind() == reflect.Bool, "bool"
	case "int":
		ok, want = fitsInt(g, n.LogicalType)
	case "long":
		ok, want = fitsLong(g, n.LogicalType)
	case "float":
		ok, want = g.Kind() == reflect.Float32, "float32"
	case "double":
		ok, want = g.Kind() == reflect.Float64, "float64"
	case "string":
		ok, want = IsString(g), "a string type, or one with both MarshalText and UnmarshalText"
	case "bytes":
		if n.LogicalType == "decimal" {
			ok, want = g == reflect.TypeFor[*big.Rat](), "*big.Rat"
			break
		}
		ok, want = g.Kind() == reflect.Slice && g.Elem().Kind() == reflect.Uint8, "[]byte"
	default:
		if named := f.named.Lookup(n.Type, namespace); named != nil {
			f.fit(path, g, named, namespace)
			return
		}
		f.Add(path, "the schema's type %q has no Go counterpart", n.Type)
		return
	}
	if !ok {
		f.want(path, g, n, want)
	}
}

func fitsInt(g reflect.Type, logical string) (ok bool, want string) {
	switch logical {
	case "date":
		return IsTime(g) || g.Kind() == reflect.Int32, "time.Time or int32"
	case "time-millis":
		return IsDuration(g) || g.Kind() == reflect.Int32, "time.Duration or int32"
	default:
		return g.Kind() == reflect.Int32, "int32 (or make it \"long\" in the schema)"
	}
}

func fitsLong(g reflect.Type, logical string) (ok bool, want string) {
	const bits = 64
	integer := (g.Kind() == reflect.Int64 || g.Kind() == reflect.Int && g.Bits() == bits) && !IsDuration(g)
	switch {
	case strings.HasPrefix(logical, "timestamp-"), strings.HasPrefix(logical, "local-timestamp-"):
		return integer || IsTime(g), "time.Time or int64"
	case logical == "time-micros":
		return integer || IsDuration(g), "time.Duration or int64"
	default:
		return integer, "int64"
	}
}

func (f *fitter) enum(path string, g reflect.Type, n *avro.SchemaNode) {
	if g.Kind() != reflect.String {
		f.want(path, g, n, "a string type")
		return
	}
	symbols := SymbolsOf(g)
	if symbols == nil {
		return
	}
	for _, symbol := range symbols {
		if !slices.Contains(n.Symbols, symbol) {
			f.Add(path, "the schema's enum has no symbol %q, which %s has: add it at the end of the schema's",
				symbol, g)
		}
	}
	for _, symbol := range n.Symbols {
		if !slices.Contains(symbols, symbol) {
			f.Add(path, "the schema's enum has symbol %q, which %s has not: add it to its Symbols", symbol, g)
		}
	}
}

// fitTag compares what the tag says of the innermost type with the schema.
func (f *fitter) fitTag(path string, tag Tag, n *avro.SchemaNode, namespace string) {
	if tag.Logical == "" {
		return
	}
	switch n = f.named.Follow(n, namespace); {
	case n.Type == "array":
		f.fitTag(path+"[]", tag, n.Items, namespace)
	case n.Type == "map":
		f.fitTag(path+"{}", tag, n.Values, namespace)
	case n.Type == "union":
		for i := range n.Branches {
			if n.Branches[i].Type != "null" {
				f.fitTag(path, tag, &n.Branches[i], namespace)
			}
		}
	case n.LogicalType != tag.Logical:
		f.Add(path, "the schema has %s, the Go field's tag says %s: the same number would mean another value",
			avsc.Describe(n), tag.Logical)
	case tag.Logical == "decimal" && (n.Precision != tag.Precision || n.Scale != tag.Scale):
		f.Add(path, "the schema has decimal(%d,%d), the Go field's tag says decimal(%d,%d)",
			n.Precision, n.Scale, tag.Precision, tag.Scale)
	}
}

// union accepts what has a plain Go counterpart: ["null", T] in either order, which is a *T.
func (f *fitter) union(path string, g reflect.Type, n *avro.SchemaNode, namespace string) {
	const optional = 2
	var some *avro.SchemaNode
	for i := range n.Branches {
		if n.Branches[i].Type != "null" {
			some = &n.Branches[i]
		}
	}
	if len(n.Branches) != optional || some == nil || n.Branches[0].Type != "null" && n.Branches[1].Type != "null" {
		f.Add(path, "the schema has a union of %d types, found Go type %s: "+
			"only null with one other type has a Go counterpart, a pointer; make the alternatives optional fields",
			len(n.Branches), g)
		return
	}
	if g.Kind() != reflect.Pointer {
		f.Add(path, "the schema has an optional value, found Go type %s, expected a pointer: nil is the null", g)
		return
	}
	if g == reflect.TypeFor[*big.Rat]() && some.LogicalType == "decimal" {
		return
	}
	f.fit(path, g.Elem(), some, namespace)
}

func (f *fitter) record(path string, g reflect.Type, n *avro.SchemaNode) {
	if g.Kind() != reflect.Struct {
		f.want(path, g, n, "a struct")
		return
	}
	pair := Pair{g, avsc.FullName(n)}
	if f.seen[pair] {
		return
	}
	f.seen[pair] = true
	inSchema := make(map[string]*avro.SchemaNode, len(n.Fields))
	for i := range n.Fields {
		inSchema[n.Fields[i].Name] = &n.Fields[i].Type
	}
	inGo := make(map[string]string, g.NumField())
	for i := range g.NumField() {
		field := g.Field(i)
		tag, ok := f.Tag(path, field)
		if !ok {
			continue
		}
		name := tag.Name
		at := avsc.Join(path, name)
		if other, twice := inGo[name]; twice {
			f.Add(at, "Go fields %s and %s both have this name; keep one", other, field.Name)
			continue
		}
		inGo[name] = field.Name
		node, ok := inSchema[name]
		if !ok {
			f.Add(at, "Go field %s (%s) is not in the schema: add it there, with a default, or tag it `avro:\"-\"`",
				field.Name, field.Type)
			continue
		}
		f.fit(at, field.Type, node, avsc.NamespaceOf(n))
		f.fitTag(at, tag, node, avsc.NamespaceOf(n))
	}
	for _, field := range n.Fields {
		if _, ok := inGo[field.Name]; !ok {
			f.Add(avsc.Join(path, field.Name), "in the schema, but %s has no such field: add one tagged `avro:\"%s\"`",
				g, field.Name)
		}
	}
}

func (f *fitter) want(path string, g reflect.Type, n *avro.SchemaNode, want string) {
	f.Add(path, "the schema has %s, found Go type %s, expected %s", avsc.Describe(n), g, want)
}
