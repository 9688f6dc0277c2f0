package hamba

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/hamba/avro/v2"

	"github.com/fencelog/fencelog/schema"
)

// check returns what the library cannot do with a schema and a Go type that fit, or would do
// wrongly in silence.
func check(s avro.Schema, g reflect.Type) error {
	if err := checkLogical(s); err != nil {
		return err
	}
	return checkType("", s, g, make(map[pair]bool))
}

// checkLogical returns what the library does wrongly, whatever the Go type.
func checkLogical(s avro.Schema) error {
	var found error
	visit(s, nil, func(s avro.Schema, _ []string) bool {
		if r, ok := s.(*avro.RecordSchema); ok {
			found = checkDefaultSpans(r)
		}
		switch logical(s) {
		case avro.Decimal:
			found = fmt.Errorf("%w: it cuts off the digits of a decimal that are beyond the scale, and says nothing",
				schema.ErrUnsupported)
		case avro.LocalTimestampMillis, avro.LocalTimestampMicros:
			found = fmt.Errorf("%w: it shifts a local timestamp by the time zone of this machine",
				schema.ErrUnsupported)
		default:
		}
		return found == nil
	})
	return found
}

// checkDefaultSpans refuses defaults of spans of time, which the library takes for nanoseconds.
func checkDefaultSpans(r *avro.RecordSchema) (found error) {
	for _, f := range r.Fields() {
		if !f.HasDefault() || f.Default() == nil {
			continue
		}
		visit(f.Type(), nil, func(s avro.Schema, _ []string) bool {
			if logical(s) == avro.TimeMicros {
				found = fmt.Errorf("field %q: %w: it takes the default of a time-micros for nanoseconds", f.Name(),
					schema.ErrUnsupported)
			}
			return found == nil
		})
	}
	return found
}

func logical(s avro.Schema) avro.LogicalType {
	if l, ok := s.(avro.LogicalTypeSchema); ok && l.Logical() != nil {
		return l.Logical().Type()
	}
	return ""
}

// tagKey is the key of the struct tag that names the schema's field.
const tagKey = "avro"

type pair struct {
	schema avro.Schema
	g      reflect.Type
}

// checkType walks through a schema and the Go type that fits it, side by side.
func checkType(path string, s avro.Schema, g reflect.Type, seen map[pair]bool) error {
	s = deref(s)
	refuse := func(why string) error {
		return fmt.Errorf("field %q (%s): %w: %s", strings.TrimPrefix(path, "."), g, schema.ErrUnsupported, why)
	}
	switch s := s.(type) {
	case *avro.RecordSchema:
		if seen[pair{s, g}] || g.Kind() != reflect.Struct {
			return nil
		}
		seen[pair{s, g}] = true
		for _, f := range s.Fields() {
			field, ok := tagged(g, f.Name())
			if !ok {
				continue
			}
			if err := checkType(path+"."+f.Name(), f.Type(), field.Type, seen); err != nil {
				return err
			}
		}
	case *avro.ArraySchema:
		return checkType(path+"[]", s.Items(), g.Elem(), seen)
	case *avro.MapSchema:
		return checkType(path+"{}", s.Values(), g.Elem(), seen)
	case *avro.UnionSchema:
		for _, branch := range s.Types() {
			if branch.Type() == avro.Null || g.Kind() != reflect.Pointer {
				continue
			}
			if err := checkType(path, branch, g.Elem(), seen); err != nil {
				return err
			}
		}
	case *avro.PrimitiveSchema:
		if why := checkPrimitive(s, g); why != "" {
			return refuse(why)
		}
	}
	return nil
}

func checkPrimitive(s *avro.PrimitiveSchema, g reflect.Type) string {
	isTime := g == reflect.TypeFor[time.Time]()
	marshals := reflect.PointerTo(g).Implements(reflect.TypeFor[encoding.TextMarshaler]())
	switch {
	case s.Type() == avro.Long && isTime && logical(s) == "":
		return "it knows this logical type not as a time"
	case logical(s) == avro.Date && isTime:
		return "it takes a time before 1970 for the day after"
	case logical(s) == avro.TimeMillis && g == reflect.TypeFor[time.Duration]():
		return "it cuts off what is beyond 32 bits"
	case logical(s) == avro.TimeMicros && g != reflect.TypeFor[time.Duration]():
		return "it takes the number for nanoseconds; make it a time.Duration"
	case s.Type() == avro.String && marshals && !g.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return "it does not encode what has MarshalText on its pointer"
	}
	return ""
}

func tagged(g reflect.Type, name string) (reflect.StructField, bool) {
	for i := range g.NumField() {
		tag, _, _ := strings.Cut(g.Field(i).Tag.Get(tagKey), ",")
		if tag == name {
			return g.Field(i), true
		}
	}
	return reflect.StructField{}, false
}
