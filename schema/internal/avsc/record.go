package avsc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/avro"
)

// The complex types.
const (
	KindRecord = "record"
	KindEnum   = "enum"
	KindFixed  = "fixed"
	KindArray  = "array"
	KindMap    = "map"
	KindUnion  = "union"
)

// Record is the schema of an event: a record.
type Record struct {
	Root    *avro.SchemaNode
	Short   string   // the name without its namespace
	Name    string   // the name with its namespace
	Aliases []string // with their namespaces
}

// ParseRecord fails if text is no Avro schema, or not that of a record.
func ParseRecord(text string) (Record, error) {
	s, err := avro.Parse(text)
	if err != nil {
		return Record{}, err
	}
	root := s.Root()
	if root.Type != KindRecord {
		return Record{}, fmt.Errorf("found a schema of type %q, expected a record", root.Type)
	}
	r := Record{Root: root, Name: FullName(root)}
	r.Short = r.Name[strings.LastIndexByte(r.Name, '.')+1:]
	namespace := strings.TrimSuffix(r.Name, r.Short)
	for _, alias := range root.Aliases {
		if !strings.Contains(alias, ".") {
			alias = namespace + alias
		}
		r.Aliases = append(r.Aliases, alias)
	}
	return r, nil
}

// Check fails if text is no Avro schema that stands by itself.
func Check(text string) error {
	_, err := avro.Parse(text)
	return err
}

// IsField reports whether a field has the name, or has it as an alias.
func IsField(f *avro.SchemaField, name string) bool {
	return f.Name == name || slices.Contains(f.Aliases, name)
}

// CountsTime reports whether a logical type says which unit of time a number counts.
func CountsTime(logicalType string) bool {
	return logicalType == "date" || strings.Contains(logicalType, "time")
}

// Join returns the dotted path of a field within the path of its record.
func Join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

// Describe returns a type in a few words, for errors.
func Describe(n *avro.SchemaNode) string {
	switch {
	case n.Type == KindUnion:
		branches := make([]string, len(n.Branches))
		for i := range n.Branches {
			branches[i] = Describe(&n.Branches[i])
		}
		return "[" + strings.Join(branches, ", ") + "]"
	case n.Name != "":
		return n.Type + " " + FullName(n)
	case n.LogicalType != "" && n.Precision > 0:
		return fmt.Sprintf("%s (%s, precision %d, scale %d)", n.Type, n.LogicalType, n.Precision, n.Scale)
	case n.LogicalType != "":
		return n.Type + " (" + n.LogicalType + ")"
	}
	return n.Type
}
