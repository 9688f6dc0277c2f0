package schema

import (
	"fmt"
	"strings"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/schema/internal/avsc"
)

// sameMeaning fails if the writer counts the numbers of a field in another unit than the reader.
// For example, the reader takes milliseconds for microseconds. Avro's rules of resolution look at
// the plain types only, also where they widen an int to a long. They would let the field pass, with
// every time off by a factor of a thousand. A logical type may be added or removed.
func sameMeaning(writer, reader *avro.SchemaNode) error {
	m := meaning{writer: avsc.NamesIn(writer), reader: avsc.NamesIn(reader), seen: make(map[[2]string]bool)}
	return m.compare("", writer, reader, "", "")
}

type meaning struct {
	writer, reader avsc.Names
	seen           map[[2]string]bool
}

func (m meaning) compare(path string, w, r *avro.SchemaNode, wSpace, rSpace string) error {
	w, r = m.writer.Follow(w, wSpace), m.reader.Follow(r, rSpace)
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
	case w.LogicalType != r.LogicalType && avsc.CountsTime(w.LogicalType) && avsc.CountsTime(r.LogicalType):
		return fmt.Errorf("field %q was written as %s, expected %s: the same number means another time; "+
			"give the new one a field of its own",
			strings.TrimPrefix(path, "."), w.LogicalType, r.LogicalType)
	}
	return nil
}

func (m meaning) records(path string, w, r *avro.SchemaNode) error {
	pair := [2]string{avsc.FullName(w), avsc.FullName(r)}
	if m.seen[pair] {
		return nil
	}
	m.seen[pair] = true
	for i := range r.Fields {
		field := &r.Fields[i]
		for j := range w.Fields {
			if !avsc.IsField(field, w.Fields[j].Name) {
				continue
			}
			wSpace, rSpace := avsc.NamespaceOf(w), avsc.NamespaceOf(r)
			err := m.compare(path+"."+field.Name, &w.Fields[j].Type, &field.Type, wSpace, rSpace)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
