package changetest

import (
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// node is a schema. This package makes its text, its Go type and its values, and no Avro library
// does.
type node struct {
	kind       string
	name       string // of a record, enum or fixed; with its namespace, if it has one to itself
	aliases    []string
	logical    string
	precision  int
	scale      int
	size       int
	symbols    []string
	otherwise  string // the default of an enum
	fields     []field
	of         *node   // items or values
	branches   []*node // of a union
	plain      bool    // a logical type is a number in Go
	unbindable bool    // no Go type stands for it
}

type field struct {
	name    string
	aliases []string
	typ     *node
	def     string // as JSON; empty for none
}

func prim(kind string) *node { return &node{kind: kind} }

func logical(kind, logicalType string) *node { return &node{kind: kind, logical: logicalType} }

func number(kind, logicalType string) *node {
	return &node{kind: kind, logical: logicalType, plain: true}
}

func decimal(precision, scale int) *node {
	return &node{kind: "bytes", logical: "decimal", precision: precision, scale: scale}
}

func fixed(name string, size int) *node { return &node{kind: "fixed", name: name, size: size} }

func enum(name, otherwise string, symbols ...string) *node {
	return &node{kind: "enum", name: name, otherwise: otherwise, symbols: symbols}
}

func record(name string, fields ...field) *node {
	return &node{kind: "record", name: name, fields: fields}
}

func array(of *node) *node { return &node{kind: "array", of: of} }

func mapOf(of *node) *node { return &node{kind: "map", of: of} }

func union(branches ...*node) *node { return &node{kind: "union", branches: branches} }

func optional(n *node) *node { return union(prim("null"), n) }

// renamed returns n under another name, with the old one as an alias.
func (n *node) renamed(name string) *node {
	other := *n
	other.name, other.aliases = name, []string{n.name}
	return &other
}

func (n *node) isNamed() bool { return n.name != "" }

// text returns the schema as JSON.
func (n *node) text() string {
	var b strings.Builder
	n.write(&b, make(map[*node]bool))
	return b.String()
}

func (n *node) write(b *strings.Builder, seen map[*node]bool) {
	if n.isNamed() && seen[n] {
		fmt.Fprintf(b, "%q", n.name)
		return
	}
	seen[n] = true
	if n.kind == "union" {
		b.WriteByte('[')
		for i, branch := range n.branches {
			comma(b, i)
			branch.write(b, seen)
		}
		b.WriteByte(']')
		return
	}
	fmt.Fprintf(b, `{"type":%q`, n.kind)
	if n.isNamed() {
		fmt.Fprintf(b, `,"name":%q`, n.name)
	}
	writeAliases(b, n.aliases)
	if n.logical != "" {
		fmt.Fprintf(b, `,"logicalType":%q`, n.logical)
	}
	if n.precision != 0 {
		fmt.Fprintf(b, `,"precision":%d,"scale":%d`, n.precision, n.scale)
	}
	switch n.kind {
	case "fixed":
		fmt.Fprintf(b, `,"size":%d`, n.size)
	case "enum":
		fmt.Fprintf(b, `,"symbols":["%s"]`, strings.Join(n.symbols, `","`))
		if n.otherwise != "" {
			fmt.Fprintf(b, `,"default":%q`, n.otherwise)
		}
	case "array":
		b.WriteString(`,"items":`)
		n.of.write(b, seen)
	case "map":
		b.WriteString(`,"values":`)
		n.of.write(b, seen)
	case "record":
		b.WriteString(`,"fields":[`)
		for i, f := range n.fields {
			comma(b, i)
			fmt.Fprintf(b, `{"name":%q,"type":`, f.name)
			f.typ.write(b, seen)
			writeAliases(b, f.aliases)
			if f.def != "" {
				b.WriteString(`,"default":` + f.def)
			}
			b.WriteByte('}')
		}
		b.WriteByte(']')
	}
	b.WriteByte('}')
}

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

func writeAliases(b *strings.Builder, aliases []string) {
	if len(aliases) > 0 {
		fmt.Fprintf(b, `,"aliases":["%s"]`, strings.Join(aliases, `","`))
	}
}

// some returns the other branch of an optional type, or nil.
func (n *node) some() *node {
	const optional = 2
	if n.kind != "union" || len(n.branches) != optional {
		return nil
	}
	for i, branch := range n.branches {
		if branch.kind == "null" {
			return n.branches[1-i]
		}
	}
	return nil
}

// goType returns the Go type that stands for n, or nil if there is none.
func (n *node) goType() reflect.Type {
	switch n.kind {
	case "boolean":
		return reflect.TypeFor[bool]()
	case "int", "long":
		return n.goNumber()
	case "float":
		return reflect.TypeFor[float32]()
	case "double":
		return reflect.TypeFor[float64]()
	case "string", "enum":
		return reflect.TypeFor[string]()
	case "bytes":
		if n.isRat() {
			return reflect.TypeFor[*big.Rat]()
		}
		return reflect.TypeFor[[]byte]()
	case "fixed":
		return reflect.ArrayOf(n.size, reflect.TypeFor[byte]())
	case "array":
		return reflect.SliceOf(n.of.goType())
	case "map":
		return reflect.MapOf(reflect.TypeFor[string](), n.of.goType())
	case "union":
		if n.some().isRat() {
			return n.some().goType()
		}
		return reflect.PointerTo(n.some().goType())
	case "record":
		fields := make([]reflect.StructField, len(n.fields))
		for i, f := range n.fields {
			fields[i] = reflect.StructField{
				Name: "F" + strconv.Itoa(i), Type: f.typ.goType(),
				Tag: reflect.StructTag(fmt.Sprintf(`avro:%q`, f.name)),
			}
		}
		return reflect.StructOf(fields)
	}
	panic("no Go type stands for " + n.kind)
}

// isRat reports whether n is a *big.Rat in Go.
func (n *node) isRat() bool { return n.kind == "bytes" && n.logical == "decimal" }

func (n *node) goNumber() reflect.Type {
	switch {
	case n.logical == "", n.plain:
	case strings.HasPrefix(n.logical, "time-"):
		return reflect.TypeFor[time.Duration]()
	default:
		return reflect.TypeFor[time.Time]()
	}
	if n.kind == "int" {
		return reflect.TypeFor[int32]()
	}
	return reflect.TypeFor[int64]()
}

// isBindable reports whether a Go type stands for every part of n.
func (n *node) isBindable() bool {
	switch n.kind {
	case "null":
		return false
	case "array", "map":
		return n.of.isBindable()
	case "union":
		return n.some() != nil && n.some().isBindable()
	case "record":
		for _, f := range n.fields {
			if !f.typ.isBindable() {
				return false
			}
		}
	}
	return !n.unbindable
}

// goString tells Go types apart, also where there is none.
func (n *node) goString() string {
	if !n.isBindable() {
		return ""
	}
	return n.goType().String()
}
