package hamba

import (
	"fmt"
	"slices"

	"github.com/hamba/avro/v2"

	"github.com/fencelog/fencelog/schema"
)

// checkResolve returns what the library cannot do when it reads with one schema what was written
// with another. The library itself says so at the first value, at best.
func checkResolve(writer, reader avro.Schema) error {
	for _, s := range []avro.Schema{writer, reader} {
		if name := recursive(s); name != "" {
			return fmt.Errorf("%w: record %s contains itself, and the library does not end when it resolves that",
				schema.ErrUnsupported, name)
		}
	}
	if err := checkLogical(writer); err != nil {
		return err
	}
	return checkPair("", writer, reader)
}

func checkPair(path string, w, r avro.Schema) error {
	w, r = deref(w), deref(r)
	switch r := r.(type) {
	case *avro.ArraySchema:
		if w, ok := w.(*avro.ArraySchema); ok {
			return checkPair(path+"[]", w.Items(), r.Items())
		}
	case *avro.MapSchema:
		if w, ok := w.(*avro.MapSchema); ok {
			return checkPair(path+"{}", w.Values(), r.Values())
		}
	case *avro.UnionSchema:
		written := []avro.Schema{w}
		if u, ok := w.(*avro.UnionSchema); ok {
			written = u.Types()
		} else if w.Type() != avro.Record {
			return fmt.Errorf("field %q: %w: it cannot read into an optional what was not one", path,
				schema.ErrUnsupported)
		}
		return checkBranches(path, written, r.Types())
	case *avro.RecordSchema:
		if w, ok := w.(*avro.RecordSchema); ok {
			return checkRecords(path, w, r)
		}
	}
	if w.Type() == avro.Union && avro.NewSchemaCompatibility().Compatible(r, w) == nil {
		return fmt.Errorf("field %q: %w: it cannot read a union as what is none", path, schema.ErrUnsupported)
	}
	return nil
}

func checkBranches(path string, w, r []avro.Schema) error {
	if len(w) == 1 && deref(w[0]).Type() != avro.Record {
		return fmt.Errorf("field %q: %w: it cannot read a union of one type", path, schema.ErrUnsupported)
	}
	taken := make(map[avro.Type]bool)
	for _, wb := range w {
		read := readAs(deref(wb).Type(), r)
		if taken[read] {
			return fmt.Errorf("field %q: %w: it cannot read two types of a union as one, %s", path,
				schema.ErrUnsupported, read)
		}
		taken[read] = read != ""
		for _, rb := range r {
			if deref(wb).Type() != deref(rb).Type() {
				continue
			}
			if err := checkPair(path, wb, rb); err != nil {
				return err
			}
		}
	}
	return nil
}

// readAs returns the primitive type of a union that a value of the type is read as. That is its own
// type, else the first that is wider. It is "" if there is none.
func readAs(typ avro.Type, union []avro.Schema) avro.Type {
	var as []avro.Type
	switch typ {
	case avro.Int:
		as = []avro.Type{avro.Int, avro.Long, avro.Float, avro.Double}
	case avro.Long:
		as = []avro.Type{avro.Long, avro.Float, avro.Double}
	case avro.Float:
		as = []avro.Type{avro.Float, avro.Double}
	case avro.String:
		as = []avro.Type{avro.String, avro.Bytes}
	case avro.Bytes:
		as = []avro.Type{avro.Bytes, avro.String}
	default:
	}
	for _, read := range as {
		if slices.ContainsFunc(union, func(s avro.Schema) bool { return deref(s).Type() == read }) {
			return read
		}
	}
	return ""
}

func checkRecords(path string, w, r *avro.RecordSchema) error {
	for _, rf := range r.Fields() {
		at := dotted(path, rf.Name())
		i := slices.IndexFunc(w.Fields(), func(wf *avro.Field) bool {
			return wf.Name() == rf.Name() || slices.Contains(rf.Aliases(), wf.Name())
		})
		if i < 0 {
			if hasNull(rf.Type()) {
				return fmt.Errorf("field %q: %w: it has no default that has a null within", at, schema.ErrUnsupported)
			}
			continue
		}
		if err := checkPair(at, w.Fields()[i].Type(), rf.Type()); err != nil {
			return err
		}
	}
	return nil
}

// hasNull reports whether a null can lie within values of s, not counting s itself.
func hasNull(s avro.Schema) (found bool) {
	visit(s, nil, func(within avro.Schema, _ []string) bool {
		u, ok := deref(within).(*avro.UnionSchema)
		found = found || ok && within != s && u.Nullable()
		return !found
	})
	return found
}

func deref(s avro.Schema) avro.Schema {
	if ref, ok := s.(*avro.RefSchema); ok {
		return ref.Schema()
	}
	return s
}

func dotted(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// visit calls each with every schema within s and the names of the records around it, until each
// returns false.
func visit(s avro.Schema, around []string, each func(avro.Schema, []string) bool) bool {
	if !each(s, around) {
		return false
	}
	var parts []avro.Schema
	switch s := s.(type) {
	case *avro.RecordSchema:
		around = append(slices.Clip(around), s.FullName())
		for _, f := range s.Fields() {
			parts = append(parts, f.Type())
		}
	case *avro.ArraySchema:
		parts = append(parts, s.Items())
	case *avro.MapSchema:
		parts = append(parts, s.Values())
	case *avro.UnionSchema:
		parts = s.Types()
	}
	for _, part := range parts {
		if !visit(part, around, each) {
			return false
		}
	}
	return true
}

// recursive returns the name of a record that contains itself, or nothing.
func recursive(s avro.Schema) (name string) {
	visit(s, nil, func(s avro.Schema, around []string) bool {
		if ref, ok := s.(*avro.RefSchema); ok && slices.Contains(around, ref.Schema().FullName()) {
			name = ref.Schema().FullName()
		}
		return name == ""
	})
	return name
}
