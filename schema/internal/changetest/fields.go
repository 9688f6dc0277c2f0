package changetest

import (
	"fmt"
	"strings"
)

// defaults are types, each with defaults that are hard to read.
func defaults() map[string][]string {
	return map[string][]string{
		"boolean": {`true`, `false`},
		"int":     {`0`, `-1`, `2147483647`, `-2147483648`},
		"long": {
			`0`, `9223372036854775807`, `-9223372036854775808`, `9007199254740993`, `-9007199254740993`,
			`9007199254740992`, `1000000000000000001`,
		},
		"float": {`0`, `1.5`, `0.1`, `3.4028234e38`, `16777217`, `1e-45`, `-1`},
		"double": {
			`0`, `0.1`, `1.7976931348623157e308`, `5e-324`, `9007199254740993`, `1e3`,
			`-7`,
		},
		"string":                         {`""`, `"é✓😀"`, `"\u0000\"\\\n"`, `"null"`},
		"bytes":                          {`""`, `"\u0000\u00ff"`, `"text"`, `"é"`},
		"uuid":                           {`"0189c9c2-7d7a-7bbb-8aaa-111111111111"`},
		"decimal(9,2)":                   {`"\u0004\u00d2"`, `"\u00cf\u00c7"`, `"\u0000"`},
		"date":                           {`0`, `-1`, `2932896`},
		"date as a number":               {`0`, `-1`, `2932896`},
		"time-millis":                    {`0`, `86399999`},
		"time-millis as a number":        {`0`, `86399999`},
		"time-micros":                    {`0`, `86399999999`},
		"timestamp-millis":               {`0`, `-1`, `1769938200123`},
		"timestamp-micros":               {`0`, `-1`, `1769938200123456`},
		"timestamp-nanos":                {`0`, `-1`, `1769938200123456789`},
		"timestamp-nanos as a number":    {`0`, `1769938200123456789`, `9223372036854775807`},
		"local-timestamp-millis":         {`0`, `1769938200123`},
		"fixed 4":                        {`"\u0000\u00ff\u0001é"`},
		"enum AB":                        {`"A"`, `"B"`},
		"enum CBA, else A":               {`"C"`, `"A"`},
		"record x int":                   {`{"x":7}`},
		"record x long":                  {`{"x":9223372036854775807}`},
		"record x int, y by default":     {`{"x":7}`, `{"x":7,"y":"z"}`},
		"record without fields":          {`{}`},
		"array of int":                   {`[]`, `[1,2147483647]`},
		"array of long":                  {`[]`, `[9223372036854775807]`},
		"array of optional int":          {`[]`, `[null,null]`},
		"map of int":                     {`{}`, `{"é":1}`},
		"map of double":                  {`{"k":0.1}`},
		"array of arrays of double":      {`[]`, `[[],[0.1]]`},
		"union null|int":                 {`null`},
		"union int|null":                 {`7`},
		"union null|string":              {`null`},
		"union null|timestamp-micros":    {`null`},
		"union null|array":               {`null`},
		"union null|enum suite.E0 2 0":   {`null`},
		"union null|record suite.R1 0 0": {`null`},
		"union null|fixed suite.F0 0 4":  {`null`},
	}
}

// holder puts a record with the fields that change somewhere in an event.
type holder struct {
	name string
	put  func(fields ...field) *node
}

func holders() []holder {
	inner := func(fields []field) *node { return record("suite.Nest", fields...) }
	at := func(put func(n *node) *node) func(fields ...field) *node {
		return func(fields ...field) *node {
			return thing(field{name: "n", typ: put(inner(fields))}, field{name: "end", typ: prim("string")})
		}
	}
	return []holder{
		{"the event", thing},
		{"a record", at(func(n *node) *node { return n })},
		{"an optional record", at(optional)},
		{"an array of records", at(array)},
		{"a map of records", at(mapOf)},
		{"an array of optional records", at(func(n *node) *node { return array(optional(n)) })},
	}
}

// addCells adds, removes and gives another default to a field of each type; each change is also
// looked at the other way round.
func addCells() (all []Cell) {
	key := field{name: "key", typ: prim("string")}
	end := field{name: "end_", typ: prim("long")}
	sorts := append(append(append(primitives(), named()...), composed()...), unions()...)
	for _, s := range sorts {
		for _, at := range holders() {
			bare := field{name: "f", typ: s.node}
			all = append(all, Cell{"adds without default " + s.name, at.name, at.put(key, end), at.put(key, bare, end)})
			all = append(all, Cell{
				"removes without default " + s.name, at.name, at.put(key, bare, end),
				at.put(key, end),
			})
			for i, def := range defaults()[s.name] {
				with := field{name: "f", typ: s.node, def: def}
				all = append(all,
					Cell{
						fmt.Sprintf("adds %s by default %s", s.name, def), at.name, at.put(key, end),
						at.put(key, with, end),
					},
					Cell{
						fmt.Sprintf("removes %s with default %s", s.name, def), at.name, at.put(key, with, end),
						at.put(key, end),
					})
				if i == 0 {
					all = append(all, Cell{
						fmt.Sprintf("takes the default %s of %s away", def, s.name), at.name,
						at.put(key, with), at.put(key, bare),
					})
				}
			}
		}
	}
	return all
}

// aliasCells renames fields and types.
func aliasCells() (all []Cell) {
	for _, s := range append(append(primitives()[:8:8], named()...), unions()[0], unions()[5]) {
		for _, at := range holders() {
			def := ""
			if d := defaults()[strings.TrimSuffix(s.name, " ")]; len(d) > 0 {
				def = d[0]
			}
			f := func(name, def string, aliases ...string) field { return field{name, aliases, s.node, def} }
			add := func(family string, old, next *node) {
				all = append(all, Cell{family + " " + s.name, at.name, old, next})
			}
			add("renames", at.put(f("a", "")), at.put(f("b", "", "a")))
			add("adds an alias to", at.put(f("a", "")), at.put(f("a", "", "b")))
			add("uses an alias of", at.put(f("a", "", "b")), at.put(f("b", "", "a")))
			add("takes a name that was removed", at.put(f("a", ""), f("b", "")), at.put(f("b", "", "a")))
			add("swaps by alias", at.put(f("a", ""), f("b", "")), at.put(f("b", "", "x"), f("a", "", "y")))
			add("renames without alias", at.put(f("a", "")), at.put(f("b", "")))
			if def == "" {
				continue
			}
			add("renames with default", at.put(f("a", def)), at.put(f("b", def, "a")))
			add("renames without alias, with default", at.put(f("a", def)), at.put(f("b", def)))
			add("adds beside", at.put(f("a", def)), at.put(f("a", def), f("b", def)))
			add("removes what was renamed", at.put(f("a", def), f("b", def)), at.put(f("b", def)))
			add("removes what was renamed, with alias", at.put(f("a", def), f("b", def)), at.put(f("b", def, "a")))
			add("renames and uses the name again", at.put(f("a", def)), at.put(f("b", def, "old"), f("a", def)))
			add("renames two, with defaults", at.put(f("a", def), f("b", def)),
				at.put(f("c", def, "a"), f("d", def, "b")))
			add("renames, an alias that is the old one's too", at.put(f("a", def, "c")), at.put(f("b", def, "c")))
		}
	}
	return all
}

// orderCells moves fields, and renames the event.
func orderCells() (all []Cell) {
	a, b := field{name: "a", typ: prim("string")}, field{name: "b", typ: prim("long")}
	for _, at := range holders() {
		all = append(all, Cell{"turns around two fields", at.name, at.put(a, b), at.put(b, a)})
	}
	event := thing(a, b)
	moved := *event
	moved.name = "other.Thing"
	return append(all,
		Cell{"renames the event", "the event", event, event.renamed("suite.Item")},
		Cell{"renames the event without alias", "the event", event, record("suite.Item", a, b)},
		Cell{"moves the event", "the event", event, event.renamed("other.Thing")},
		Cell{"moves the event without alias", "the event", event, &moved})
}
