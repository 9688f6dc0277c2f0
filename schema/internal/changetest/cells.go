package changetest

import (
	"fmt"
	"slices"
	"strings"
)

// Cell is a change of one event's schema.
type Cell struct {
	Family string // what kind of change it is, such as "int → long"
	Place  string // where, such as "array"
	old    *node
	next   *node
}

// Name tells cells apart.
func (c Cell) Name() string { return c.Family + " in " + c.Place }

// Old returns the schema before the change.
func (c Cell) Old() string { return c.old.text() }

// New returns the schema after it.
func (c Cell) New() string { return c.next.text() }

// thing returns the schema of the event.
func thing(fields ...field) *node { return record("suite.Thing", fields...) }

// sort is a type with a name for it.
type sort struct {
	name string
	node *node
}

func (s sort) family(next sort) string { return s.name + " → " + next.name }

// primitives are the types without a name and without parts.
func primitives() []sort {
	all := []sort{}
	for _, kind := range []string{"boolean", "int", "long", "float", "double", "string", "bytes"} {
		all = append(all, sort{kind, prim(kind)})
	}
	all = append(all,
		sort{"uuid", logical("string", "uuid")}, sort{"date", logical("int", "date")},
		sort{"time-millis", logical("int", "time-millis")},
		sort{"decimal(9,2)", decimal(9, 2)}, sort{"decimal(9,3)", decimal(9, 3)}, sort{"decimal(5,2)", decimal(5, 2)},
		sort{"time-millis of a long", number("long", "time-millis")}, sort{"date of a long", number("long", "date")},
		sort{"an int that counts apples", number("int", "apples")},
		sort{"a string of apples", number("string", "apples")},
		sort{"uuid as bytes", number("bytes", "uuid")},
	)
	for _, long := range []string{
		"time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos",
		"local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos",
	} {
		all = append(all, sort{long, logical("long", long)}, sort{long + " as a number", number("long", long)})
	}
	return append(all, sort{"date as a number", number("int", "date")},
		sort{"time-millis as a number", number("int", "time-millis")})
}

// named are the types with a name.
func named() []sort {
	x := func(typ string) field { return field{name: "x", typ: prim(typ)} }
	aliased := record("suite.R", field{name: "z", aliases: []string{"x"}, typ: prim("int"), def: "7"})
	wide := record("suite.R", x("int"), field{name: "y", typ: prim("string"), def: `"é"`})
	amount := fixed("suite.F", 8)
	amount.logical, amount.precision, amount.scale = "decimal", 9, 2
	id := fixed("suite.F", 16)
	id.logical = "uuid"
	return []sort{
		{"fixed 4", fixed("suite.F", 4)},
		{"fixed 8", fixed("suite.F", 8)},
		{"fixed 4 renamed", fixed("suite.F", 4).renamed("suite.G")},
		{"fixed 4 elsewhere", fixed("other.F", 4)},
		{"fixed decimal", amount},
		{"fixed uuid", id},
		{"fixed 16", fixed("suite.F", 16)},
		{"enum AB", enum("suite.E", "", "A", "B")},
		{"enum BA", enum("suite.E", "", "B", "A")},
		{"enum ABC", enum("suite.E", "", "A", "B", "C")},
		{"enum A", enum("suite.E", "", "A")},
		{"enum AB, else A", enum("suite.E", "A", "A", "B")},
		{"enum CBA, else A", enum("suite.E", "A", "C", "B", "A")},
		{"enum A, else A", enum("suite.E", "A", "A")},
		{"enum DE, else D", enum("suite.E", "D", "D", "E")},
		{"enum AB renamed", enum("suite.E", "", "A", "B").renamed("suite.H")},
		{"enum AB elsewhere", enum("other.E", "", "A", "B")},
		{"enum AB called otherwise", enum("suite.H", "", "A", "B")},
		{"record x int", record("suite.R", x("int"))},
		{"record x long", record("suite.R", x("long"))},
		{"record x double", record("suite.R", x("double"))},
		{"record x string", record("suite.R", x("string"))},
		{"record x int, y by default", wide},
		{"record x int, y", record("suite.R", x("int"), field{name: "y", typ: prim("string")})},
		{"record y, x", record("suite.R", field{name: "y", typ: prim("string")}, x("int"))},
		{"record z, once x", aliased},
		{"record renamed", record("suite.R", x("int")).renamed("suite.S")},
		{"record elsewhere", record("other.R", x("int"))},
		{"record called otherwise", record("suite.S", x("int"))},
		{"record without fields", record("suite.R")},
	}
}

// composed are types that are made of others.
func composed() []sort {
	return []sort{
		{"array of int", array(prim("int"))},
		{"array of long", array(prim("long"))},
		{"array of optional int", array(optional(prim("int")))},
		{"map of int", mapOf(prim("int"))},
		{"map of double", mapOf(prim("double"))},
		{"array of arrays of float", array(array(prim("float")))},
		{"array of arrays of double", array(array(prim("double")))},
	}
}

// unions are those that a Go type stands for, and those that none does.
func unions() []sort {
	millis, micros := number("long", "timestamp-millis"), number("long", "timestamp-micros")
	all := []sort{}
	for _, u := range [][]*node{
		{prim("null"), prim("int")},
		{prim("int"), prim("null")},
		{prim("null"), prim("long")},
		{prim("null"), prim("double")},
		{prim("null"), prim("float")},
		{prim("null"), prim("string")},
		{prim("null"), prim("bytes")},
		{prim("null"), millis},
		{prim("null"), micros},
		{prim("null"), array(prim("int"))},
		{prim("null"), mapOf(prim("long"))},
		{prim("null"), enum("suite.E", "", "A", "B")},
		{prim("null"), enum("suite.E", "A", "A")},
		{prim("null"), record("suite.R", field{name: "x", typ: prim("int")})},
		{prim("null"), record("other.R", field{name: "x", typ: prim("int")})},
		{prim("null"), record("suite.R", field{name: "x", typ: prim("long")},
			field{name: "y", typ: prim("string"), def: `"y"`})},
		{prim("null"), fixed("suite.F", 4)},
		{prim("null"), fixed("suite.F", 8)},
		{prim("null")},
		{prim("int")},
		{prim("int"), prim("long")},
		{prim("null"), prim("int"), prim("long")},
		{prim("long"), prim("int")},
		{prim("float"), prim("double")},
		{prim("int"), prim("double")},
		{prim("string"), prim("bytes")},
		{prim("null"), prim("long"), prim("string")},
		{prim("int"), prim("string")},
		{prim("null"), enum("suite.E", "", "A", "B"), enum("suite.E2", "", "C")},
	} {
		parts := make([]string, len(u))
		for i, branch := range u {
			parts[i] = branch.kind
			if branch.logical != "" {
				parts[i] = branch.logical
			}
			if branch.isNamed() {
				parts[i] += fmt.Sprint(" ", branch.name, len(branch.fields), len(branch.symbols), branch.size)
			}
		}
		all = append(all, sort{"union " + strings.Join(parts, "|"), union(u...)})
	}
	return all
}

// place puts the type of the field that changes somewhere.
type place struct {
	name string
	put  func(n *node) *node
	next func(n *node) *node // nil: as put
}

func places() []place {
	nest := func(n *node) *node {
		return record("suite.Nest", field{name: "before", typ: prim("string")}, field{name: "inner", typ: n},
			field{name: "after", typ: prim("long")})
	}
	itself := func(n *node) *node { return n }
	last := func(n *node) *node { return union(n, prim("null")) }
	return []place{
		{"the event", itself, nil},
		{"an optional", optional, nil},
		{"an array", array, nil},
		{"a map", mapOf, nil},
		{"a record", nest, nil},
		{"an optional record", func(n *node) *node { return optional(nest(n)) }, nil},
		{"an array of records", func(n *node) *node { return array(nest(n)) }, nil},
		{"a map of arrays", func(n *node) *node { return mapOf(array(n)) }, nil},
		{"an array of optionals", func(n *node) *node { return array(optional(n)) }, nil},
		{"a field that becomes optional", itself, optional},
		{"a field that becomes optional, null last", itself, last},
		{"an optional that turns around", optional, last},
	}
}

// Cells returns all changes, in one order.
func Cells() []Cell {
	return slices.Concat(typeCells(), unionCells(), addCells(), aliasCells(), orderCells())
}

// typeCells changes each type to each other one, and the types that may have to do with each other
// in each place.
func typeCells() (all []Cell) {
	sorts := slices.Concat(primitives(), named(), composed())
	for _, old := range sorts {
		for _, next := range sorts {
			for _, at := range places() {
				if at.name != "the event" && !related(old.node, next.node) {
					continue
				}
				put := at.put
				if at.next != nil {
					put = at.next
				}
				all = append(all, Cell{
					old.family(next), at.name,
					thing(field{name: "f", typ: at.put(old.node)}, field{name: "g", typ: prim("string")}),
					thing(field{name: "f", typ: put(next.node)}, field{name: "g", typ: prim("string")}),
				})
			}
		}
	}
	return all
}

// related reports whether Avro may read the one as the other, whichever way.
func related(a, b *node) bool {
	classes := map[string]int{"int": 1, "long": 1, "float": 1, "double": 1, "string": 2, "bytes": 2}
	return a.kind == b.kind || classes[a.kind] != 0 && classes[a.kind] == classes[b.kind]
}

func unionCells() (all []Cell) {
	sorts := slices.Concat(unions(), primitives()[:7])
	for _, old := range sorts {
		for _, next := range sorts {
			if old.node.kind != "union" && next.node.kind != "union" {
				continue
			}
			for _, at := range []place{places()[0], places()[2], places()[4]} {
				all = append(all, Cell{
					old.family(next), at.name,
					thing(field{name: "f", typ: at.put(old.node)}, field{name: "g", typ: prim("string")}),
					thing(field{name: "f", typ: at.put(next.node)}, field{name: "g", typ: prim("string")}),
				})
			}
		}
	}
	return all
}
