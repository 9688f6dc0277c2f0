package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/schema/internal/avsc"
)

// compare returns everything that reader cannot read of the writer's values, by Avro's rules of
// resolution. strict adds the rules that Avro does not have. The library's own check stops at the
// first mistake, and compare does not.
func compare(reader, writer namedSchema, strict bool) []Incompatibility {
	c := comparison{
		reader: side{reader, avsc.NamesIn(reader.root)},
		writer: side{writer, avsc.NamesIn(writer.root)},
		strict: strict,
		seen:   make(map[[2]*avro.SchemaNode]bool),
	}
	r, w := scoped{reader.root, avsc.NamespaceOf(reader.root)}, scoped{writer.root, avsc.NamespaceOf(writer.root)}
	if strict && r.Type == avsc.KindRecord && w.Type == avsc.KindRecord &&
		!answersTo(r.SchemaNode, avsc.FullName(w.SchemaNode)) {
		c.renamedType("", r, w)
		return c.found
	}
	c.compare("", r, w)
	return c.found
}

type comparison struct {
	reader, writer side
	strict         bool
	seen           map[[2]*avro.SchemaNode]bool // a recursive record is compared once
	found          []Incompatibility
}

// side is one of the two schemas.
type side struct {
	namedSchema
	types avsc.Names
}

// scoped is a schema with the namespace that a bare name in it belongs to.
type scoped struct {
	*avro.SchemaNode
	namespace string
}

// at returns the schema that n is or names.
func (s *side) at(n *avro.SchemaNode, namespace string) scoped {
	n = s.types.Follow(n, namespace)
	if n.Name != "" {
		namespace = avsc.NamespaceOf(n)
	}
	return scoped{n, namespace}
}

func (c *comparison) add(path string, rule Rule, format string, args ...any) {
	c.found = append(c.found, Incompatibility{
		Rule: rule, Field: path, Reader: c.reader.name, Writer: c.writer.name, Detail: fmt.Sprintf(format, args...),
	})
}

func (c *comparison) compare(path string, r, w scoped) {
	pair := [2]*avro.SchemaNode{r.SchemaNode, w.SchemaNode}
	if c.seen[pair] {
		return
	}
	c.seen[pair] = true
	switch {
	case w.Type == avsc.KindUnion:
		c.writerUnion(path, r, w)
	case r.Type == avsc.KindUnion:
		if b, ok := c.branch(r, w); ok {
			c.compare(path, b, w)
			return
		}
		c.add(path, RuleUnionBranch, "found %s, expected one of %s",
			avsc.Describe(w.SchemaNode), avsc.Describe(r.SchemaNode))
	case r.Type == w.Type:
		c.sameKind(path, r, w)
	case promotes(w.Type, r.Type):
		c.promotion(path, r, w)
	default:
		c.add(path, RuleType, "found %s, expected %s", avsc.Describe(w.SchemaNode), avsc.Describe(r.SchemaNode))
	}
}

func (c *comparison) writerUnion(path string, r, w scoped) {
	for i := range w.Branches {
		c.compare(path, r, c.writer.at(&w.Branches[i], w.namespace))
	}
}

// branch returns the type of the reader's union that reads w. That is the one of its name, else the
// one of its name without the namespace, else the first that is wider.
func (c *comparison) branch(r, w scoped) (scoped, bool) {
	branches := make([]scoped, len(r.Branches))
	for i := range r.Branches {
		branches[i] = c.reader.at(&r.Branches[i], r.namespace)
	}
	for _, matches := range []func(b scoped) bool{
		func(b scoped) bool {
			return sameKind(b, w) && (w.Name == "" || answersTo(b.SchemaNode, avsc.FullName(w.SchemaNode)))
		},
		func(b scoped) bool { return sameKind(b, w) && sameName(b.SchemaNode, w.SchemaNode) },
		func(b scoped) bool { return promotes(w.Type, b.Type) },
	} {
		if i := slices.IndexFunc(branches, matches); i >= 0 {
			return branches[i], true
		}
	}
	return scoped{}, false
}

func sameKind(r, w scoped) bool { return r.Type == w.Type && r.Size == w.Size }

func (c *comparison) sameKind(path string, r, w scoped) {
	if w.Name != "" && !sameName(r.SchemaNode, w.SchemaNode) {
		c.renamedType(path, r, w)
		return
	}
	switch r.Type {
	case avsc.KindRecord:
		c.record(path, r, w)
	case avsc.KindEnum:
		c.enum(path, r, w)
	case avsc.KindFixed:
		if r.Size != w.Size {
			c.add(path, RuleFixedSize, "found %d bytes, expected %d", w.Size, r.Size)
			return
		}
		c.logicalType(path, r, w)
	case avsc.KindArray:
		c.compare(path+"[]", c.reader.at(r.Items, r.namespace), c.writer.at(w.Items, w.namespace))
	case avsc.KindMap:
		c.compare(path+"{}", c.reader.at(r.Values, r.namespace), c.writer.at(w.Values, w.namespace))
	default:
		c.logicalType(path, r, w)
	}
}

func (c *comparison) record(path string, r, w scoped) {
	written := make(map[string]*avro.SchemaField, len(w.Fields))
	for i := range w.Fields {
		written[w.Fields[i].Name] = &w.Fields[i]
	}
	for i := range r.Fields {
		rf := &r.Fields[i]
		at := avsc.Join(path, rf.Name)
		var sources []*avro.SchemaField
		for _, name := range append([]string{rf.Name}, rf.Aliases...) {
			if wf := written[name]; wf != nil && !slices.Contains(sources, wf) {
				sources = append(sources, wf)
			}
		}
		switch len(sources) {
		case 0:
			c.missing(at, rf, r, w)
		case 1:
			c.compare(at, c.reader.at(&rf.Type, r.namespace), c.writer.at(&sources[0].Type, w.namespace))
		default:
			c.add(at, RuleAlias, "both its fields %q and %q are this one, by name or alias; rename one of them",
				sources[0].Name, sources[1].Name)
		}
	}
}

// missing looks at a field of the reader that the writer's record does not have.
func (c *comparison) missing(at string, rf *avro.SchemaField, r, w scoped) {
	if became := c.renamed(rf, r, w); became != "" {
		c.add(at, RuleRenamed, "it became %q there, which %s does not know: an alias is for the programs that have "+
			"it. Keep the name, as the Go field may have another one; or rename in two releases: add %q beside %q, "+
			"with a default, and write both; in the next release upcast the revisions that lack %q, "+
			"and remove %q if each of them has a default for it",
			became, c.reader.name, became, rf.Name, became, rf.Name)
		return
	}
	switch {
	case rf.HasDefault:
	case c.reader.released:
		c.add(at, RuleNoDefault, "it is not there, and %s has no default for it: keep the field", c.reader.name)
	default:
		c.add(at, RuleNoDefault, "it is not there, and %s has no default for it: give it one", c.reader.name)
	}
}

// renamed returns the field of the writer's record that the reader's field became, by an alias
// there, and nothing if there is none. Avro itself has no such rule, so only a strict comparison
// asks.
func (c *comparison) renamed(rf *avro.SchemaField, r, w scoped) (became string) {
	if !c.strict {
		return ""
	}
	for i := range w.Fields {
		wf := &w.Fields[i]
		isRead := slices.ContainsFunc(r.Fields, func(f avro.SchemaField) bool { return avsc.IsField(&f, wf.Name) })
		if slices.Contains(wf.Aliases, rf.Name) && !isRead {
			return wf.Name
		}
	}
	return ""
}

// renamedType says that a record, enum or fixed has another name.
func (c *comparison) renamedType(path string, r, w scoped) {
	if answersTo(w.SchemaNode, avsc.FullName(r.SchemaNode)) {
		c.add(path, RuleName, "found %s, expected %s: an alias is for the programs that have it, which %s has not; "+
			"keep the name, as the Go type may have another one",
			avsc.Describe(w.SchemaNode), avsc.Describe(r.SchemaNode), c.reader.name)
		return
	}
	c.add(path, RuleName, "found %s, expected %s; give the new one the old name as an alias",
		avsc.Describe(w.SchemaNode), avsc.Describe(r.SchemaNode))
}

// promotion compares two types of which Avro reads one as the other.
func (c *comparison) promotion(path string, r, w scoped) {
	switch {
	case !c.strict:
	case w.LogicalType != "" || r.LogicalType != "":
		c.add(path, RuleLogicalType, "found %s, expected %s", avsc.Describe(w.SchemaNode), avsc.Describe(r.SchemaNode))
	case lossy(w.Type, r.Type):
		c.add(path, RuleLossy, "found %s, expected %s: not every value of the one is one of the other",
			avsc.Describe(w.SchemaNode), avsc.Describe(r.SchemaNode))
	}
}

func (c *comparison) enum(path string, r, w scoped) {
	if r.HasEnumDefault {
		return
	}
	var missing []string
	for _, symbol := range w.Symbols {
		if !slices.Contains(r.Symbols, symbol) {
			missing = append(missing, symbol)
		}
	}
	if len(missing) > 0 {
		do := "keep them, or give it a default"
		if c.reader.released {
			do = "do without them"
		}
		c.add(path, RuleEnumSymbols, "it does not have %s, and enum %s has no default there: %s",
			strings.Join(missing, ", "), r.Name, do)
	}
}

// logicalType compares the logical types of two types that are the same to Avro.
func (c *comparison) logicalType(path string, r, w scoped) {
	same := r.LogicalType == w.LogicalType && r.Precision == w.Precision && r.Scale == w.Scale
	if c.strict && !same {
		c.add(path, RuleLogicalType, "found %s, expected %s", avsc.Describe(w.SchemaNode), avsc.Describe(r.SchemaNode))
	}
}

// promotes reports whether Avro reads a value of one primitive type as one of the other.
func promotes(from, to string) bool {
	switch from {
	case "int":
		return to == "long" || to == "float" || to == "double"
	case "long":
		return to == "float" || to == "double"
	case "float":
		return to == "double"
	case "string":
		return to == "bytes"
	case "bytes":
		return to == "string"
	}
	return false
}

// lossy reports whether a promotion changes some values, or fails for them. A float has 24 bits for
// an int's 32. A double has 53 bits for a long's 64. Bytes need not be text.
func lossy(from, to string) bool {
	switch from {
	case "int":
		return to == "float"
	case "long":
		return to == "float" || to == "double"
	case "bytes":
		return to == "string"
	}
	return false
}

// answersTo reports whether the name, with its namespace, is that of n or one of its aliases.
func answersTo(n *avro.SchemaNode, name string) bool {
	if avsc.FullName(n) == name {
		return true
	}
	namespace := strings.TrimSuffix(avsc.FullName(n), short(avsc.FullName(n)))
	return slices.ContainsFunc(n.Aliases, func(alias string) bool {
		return alias == name || !strings.Contains(alias, ".") && namespace+alias == name
	})
}

// sameName is answersTo, and by Avro's rules also without regard to namespaces.
func sameName(r, w *avro.SchemaNode) bool {
	return answersTo(r, avsc.FullName(w)) || short(avsc.FullName(r)) == short(avsc.FullName(w))
}

func short(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
