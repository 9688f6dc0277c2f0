package schema

import (
	"strings"

	"github.com/twmb/avro"
)

// names finds the named types of a schema.
type names map[string]*avro.SchemaNode

func newNames(n *avro.SchemaNode) names {
	all := make(names)
	all.collect(n)
	return all
}

func (all names) collect(n *avro.SchemaNode) {
	if n == nil {
		return
	}
	if n.Name != "" {
		all[fullName(n)] = n
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

// lookup returns the type that a name in a namespace stands for, or nil.
func (all names) lookup(name, namespace string) *avro.SchemaNode {
	if !strings.Contains(name, ".") && namespace != "" {
		if n := all[namespace+"."+name]; n != nil {
			return n
		}
	}
	return all[name]
}

// follow returns n, or what it stands for if it is a name.
func (all names) follow(n *avro.SchemaNode, namespace string) *avro.SchemaNode {
	if named := all.lookup(n.Type, namespace); named != nil {
		return named
	}
	return n
}

// fullName returns the name of a record, enum or fixed with its namespace.
func fullName(n *avro.SchemaNode) string {
	if n.Namespace == "" || strings.Contains(n.Name, ".") {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// namespaceOf returns the namespace that bare names within n belong to: its own, which may be part of its name.
func namespaceOf(n *avro.SchemaNode) string {
	full := fullName(n)
	return full[:max(0, strings.LastIndexByte(full, '.'))]
}
