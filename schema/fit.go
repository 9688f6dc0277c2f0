package schema

import (
	"encoding"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/twmb/avro"
)

// mismatch is one disagreement of a Go type with its schema.
type mismatch struct{ field, detail string }

// fit returns every disagreement of the struct g with the record schema: a field that one of them lacks, and a
// Go type that cannot hold every value of the schema's type or holds values that the schema's cannot.
func fit(g reflect.Type, record *avro.SchemaNode) []mismatch {
	f := fitter{named: newNames(record), seen: make(map[seenPair]bool)}
	f.fit("", g, record, namespaceOf(record))
	return f.found
}

type fitter struct {
	named names
	seen  map[seenPair]bool // a recursive record is compared once
	found []mismatch
}

type seenPair struct {
	g    reflect.Type
	name string
}

func (f *fitter) add(path, format string, args ...any) {
	f.found = append(f.found, mismatch{path, fmt.Sprintf(format, args...)})
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
		ok, want = isString(g), "a string type, or one with both MarshalText and UnmarshalText"
	case "bytes":
		if n.LogicalType == "decimal" {
			ok, want = g == reflect.TypeFor[*big.Rat](), "*big.Rat"
			break
		}
		ok, want = g.Kind() == reflect.Slice && g.Elem().Kind() == reflect.Uint8, "[]byte"
	default:
		if named := f.named.lookup(n.Type, namespace); named != nil {
			f.fit(path, g, named, namespace)
			return
		}
		f.add(path, "the schema's type %q has no Go counterpart", n.Type)
		return
	}
	if !ok {
		f.want(path, g, n, want)
	}
}

func fitsInt(g reflect.Type, logical string) (ok bool, want string) {
	switch logical {
	case "date":
		return isTime(g) || g.Kind() == reflect.Int32, "time.Time or int32"
	case "time-millis":
		return isDuration(g) || g.Kind() == reflect.Int32, "time.Duration or int32"
	default:
		return g.Kind() == reflect.Int32, "int32 (or make it \"long\" in the schema)"
	}
}

func fitsLong(g reflect.Type, logical string) (ok bool, want string) {
	const bits = 64
	integer := (g.Kind() == reflect.Int64 || g.Kind() == reflect.Int && g.Bits() == bits) && !isDuration(g)
	switch {
	case strings.HasPrefix(logical, "timestamp-"), strings.HasPrefix(logical, "local-timestamp-"):
		return integer || isTime(g), "time.Time or int64"
	case logical == "time-micros":
		return integer || isDuration(g), "time.Duration or int64"
	default:
		return integer, "int64"
	}
}

func isTime(g reflect.Type) bool     { return g == reflect.TypeFor[time.Time]() }
func isDuration(g reflect.Type) bool { return g == reflect.TypeFor[time.Duration]() }

// isString reports whether a type is stored as a string: as it is, or as what its methods make of it.
func isString(g reflect.Type) bool {
	p := reflect.PointerTo(g)
	marshals, unmarshals := p.Implements(reflect.TypeFor[encoding.TextMarshaler]()), p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	return g.Kind() != reflect.Pointer && marshals == unmarshals && (marshals || g.Kind() == reflect.String)
}

// Enum may be implemented by a string type that is stored as an Avro enum, with value receiver. Bind then checks that the type and its schema have
// the same symbols, and [Derive] knows them.
type Enum interface {
	// Symbols returns the durable names of all values. The first is what a reader takes a symbol for that is newer than
	// itself. It is called on the zero value.
	Symbols() []string
}

func symbolsOf(g reflect.Type) []string {
	if e, ok := reflect.Zero(g).Interface().(Enum); ok {
		return e.Symbols()
	}
	return nil
}

func (f *fitter) enum(path string, g reflect.Type, n *avro.SchemaNode) {
	if g.Kind() != reflect.String {
		f.want(path, g, n, "a string type")
		return
	}
	symbols := symbolsOf(g)
	if symbols == nil {
		return
	}
	for _, symbol := range symbols {
		if !slices.Contains(n.Symbols, symbol) {
			f.add(path, "the schema's enum has no symbol %q, which %s has: add it at the end of the schema's", symbol, g)
		}
	}
	for _, symbol := range n.Symbols {
		if !slices.Contains(symbols, symbol) {
			f.add(path, "the schema's enum has symbol %q, which %s has not: add it to its Symbols", symbol, g)
		}
	}
}

// fitTag compares what the tag says of the innermost type with the schema.
func (f *fitter) fitTag(path string, tag fieldTag, n *avro.SchemaNode, namespace string) {
	if tag.logical == "" {
		return
	}
	switch n = f.named.follow(n, namespace); {
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
	case n.LogicalType != tag.logical:
		f.add(path, "the schema has %s, the Go field's tag says %s: the same number would mean another value", describe(n), tag.logical)
	case tag.logical == "decimal" && (n.Precision != tag.precision || n.Scale != tag.scale):
		f.add(path, "the schema has decimal(%d,%d), the Go field's tag says decimal(%d,%d)", n.Precision, n.Scale, tag.precision, tag.scale)
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
		f.add(path, "the schema has a union of %d types, found Go type %s: only null with one other type has a Go counterpart, "+
			"a pointer; make the alternatives optional fields", len(n.Branches), g)
		return
	}
	if g.Kind() != reflect.Pointer {
		f.add(path, "the schema has an optional value, found Go type %s, expected a pointer: nil is the null", g)
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
	pair := seenPair{g, fullName(n)}
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
		tag, ok := f.tag(path, field)
		if !ok {
			continue
		}
		name := tag.name
		at := dotted(path, name)
		if other, twice := inGo[name]; twice {
			f.add(at, "Go fields %s and %s both have this name; keep one", other, field.Name)
			continue
		}
		inGo[name] = field.Name
		node, ok := inSchema[name]
		if !ok {
			f.add(at, "Go field %s (%s) is not in the schema: add it there, with a default, or tag it `avro:\"-\"`", field.Name, field.Type)
			continue
		}
		f.fit(at, field.Type, node, namespaceOf(n))
		f.fitTag(at, tag, node, namespaceOf(n))
	}
	for _, field := range n.Fields {
		if _, ok := inGo[field.Name]; !ok {
			f.add(dotted(path, field.Name), "in the schema, but %s has no such field: add one tagged `avro:\"%s\"`", g, field.Name)
		}
	}
}

// tag returns what the tag of a Go field says, and whether the field is stored. A field without a
// tag is a mistake: if its Go name were stored, renaming it would lose data.
func (f *fitter) tag(path string, field reflect.StructField) (fieldTag, bool) {
	text, tagged := field.Tag.Lookup(tagKey)
	if text == "-" {
		return fieldTag{}, false
	}
	name, _, _ := strings.Cut(text, ",")
	at := dotted(path, field.Name)
	switch {
	case !field.IsExported():
		f.add(at, "Go field is not exported, so it would not be stored: export it, or tag it `avro:\"-\"`")
	case field.Anonymous:
		f.add(at, "Go field is embedded: write its fields out, or tag it `avro:\"-\"`")
	case !tagged || name == "":
		f.add(at, "Go field has no name to be stored under: tag it `avro:\"%s\"`, or `avro:\"-\"` to leave it out",
			strings.ToLower(field.Name[:1])+field.Name[1:])
	default:
		tag, wrong := parseTag(field)
		if wrong == "" {
			return tag, true
		}
		f.add(at, "%s", wrong)
	}
	return fieldTag{}, false
}

func (f *fitter) want(path string, g reflect.Type, n *avro.SchemaNode, want string) {
	f.add(path, "the schema has %s, found Go type %s, expected %s", describe(n), g, want)
}

func dotted(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// taggedField returns the field of the struct g that is stored under the name.
func taggedField(g reflect.Type, name string) (reflect.StructField, bool) {
	for i := range g.NumField() {
		if tag, _, _ := strings.Cut(g.Field(i).Tag.Get(tagKey), ","); tag == name {
			return g.Field(i), true
		}
	}
	return reflect.StructField{}, false
}
