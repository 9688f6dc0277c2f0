package avsc

import (
	"strings"

	"github.com/twmb/avro"
)

// Names are the named types of a schema, by their full names.
type Names map[string]*avro.SchemaNode

// NamesIn returns the named types in a schema.
func NamesIn(n *avro.SchemaNode) Names {
	all := make(Names)
	all.collect(n)
	return all
}

func (all Names) collect(n *avro.SchemaNode) {
	if n == nil {
		return
	}
	if n.Name != "" {
		all[FullName(n)] = n
	}
	for i := range n.Fields {
		all.collect(&n.Fields[i].Type)
	}
	for i := range n.Branches {
		all.collect(&n.Branches[i])
	}
	all.collect(n.Items)
	all.collect(n.Values)
}

// Lookup returns the type that a name in a namespace stands for, or nil.
func (all Names) Lookup(name, namespace string) *avro.SchemaNode {
	if !strings.Contains(name, ".") && namespace != "" {
		if n := all[namespace+"."+name]; n != nil {
			return n
		}
	}
	return all[name]
}

// Follow returns n, or what it stands for if it is a name.
func (all Names) Follow(n *avro.SchemaNode, namespace string) *avro.SchemaNode {
	if named := all.Lookup(n.Type, namespace); named != nil {
		return named
	}
	return n
}

// FullName returns the name of a record, enum or fixed with its namespace.
func FullName(n *avro.SchemaNode) string {
	if n.Namespace == "" || strings.Contains(n.Name, ".") {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// NamespaceOf returns the namespace of the bare names within n. It is that of n, and may be part of
// the name of n.
func NamespaceOf(n *avro.SchemaNode) string {
	full := FullName(n)
	return full[:max(0, strings.LastIndexByte(full, '.'))]
}
