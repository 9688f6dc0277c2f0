package schema

import (
	"fmt"
	"strings"

	"github.com/twmb/avro"
)

// sameMeaning returns nil, or at which field the writer's numbers count something else than the reader's: such as milliseconds, where the
// reader takes them for microseconds. Avro's rules of resolution look at the plain types only, also where they widen an int to a long, and would
// let it pass with every time off by a factor of a thousand. A logical type may come and go.
func sameMeaning(writer, reader *avro.SchemaNode) error {
	m := meaning{writer: newNames(writer), reader: newNames(reader), seen: make(map[[2]string]bool)}
	return m.compare("", writer, reader, "", "")
}

type meaning struct {
	writer, reader names
	seen           map[[2]string]bool
}

func (m meaning) compare(path string, w, r *avro.SchemaNode, wSpace, rSpace string) error {
	w, r = m.writer.follow(w, wSpace), m.reader.follow(r, rSpace)
	switch {
	case r.Type == "union":
		for i := range r.Branches {
			if err := m.compare(path, w, &r.Branches[i], wSpace, rSpace); err != nil {
				return err
			}
		}
	case w.Type == "union":
		for i := range w.Branches {
			if err := m.compare(path, &w.Branches[i], r, wSpace, rSpace); err != nil {
				return err
			}
		}
	case w.Type == "array" && r.Type == "array":
		return m.compare(path+"[]", w.Items, r.Items, wSpace, rSpace)
	case w.Type == "map" && r.Type == "map":
		return m.compare(path+"{}", w.Values, r.Values, wSpace, rSpace)
	case w.Type == "record" && r.Type == "record":
		return m.records(path, w, r)
	case w.LogicalType != r.LogicalType && counts(w.LogicalType) && counts(r.LogicalType):
		return fmt.Errorf("field %q was written as %s, expected %s: the same number means another time; give the new one a field of its own",
			strings.TrimPrefix(path, "."), w.LogicalType, r.LogicalType)
	}
	return nil
}

func (m meaning) records(path string, w, r *avro.SchemaNode) error {
	pair := [2]string{fullName(w), fullName(r)}
	if m.seen[pair] {
		return nil
	}
	m.seen[pair] = true
	for i := range r.Fields {
		field := &r.Fields[i]
		for j := range w.Fields {
			if !isField(field, w.Fields[j].Name) {
				continue
			}
			if err := m.compare(path+"."+field.Name, &w.Fields[j].Type, &field.Type, namespaceOf(w), namespaceOf(r)); err != nil {
				return err
			}
		}
	}
	return nil
}

func isField(f *avro.SchemaField, name string) bool {
	if f.Name == name {
		return true
	}
	for _, alias := range f.Aliases {
		if alias == name {
			return true
		}
	}
	return false
}

// counts reports whether a logical type says what a number counts.
func counts(logicalType string) bool {
	return logicalType == "date" || strings.Contains(logicalType, "time")
}
