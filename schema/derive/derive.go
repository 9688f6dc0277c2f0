package derive

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/gotype"
)

// The logical types of a time.Time and a time.Duration whose tag says nothing.
const (
	DefaultTimeUnit     = "timestamp-micros"
	DefaultDurationUnit = "time-micros"
)

// Schema returns the schema that the Go type of t has by itself, as the text of a file. It is a
// record in the namespace, with the name of t. The same type gives the same text each time.
//
//   - A *T is an optional T, whose default is null.
//   - A string type that is a [schema.Enum] is an enum, whose default is its first symbol.
//   - A type with MarshalText and UnmarshalText is a string.
//   - A [N]byte is a fixed, and a struct is a record.
//
// A record, enum or fixed within the event has the first of these names that there is:
//
//   - the name that the Go type says, if it is [Named];
//   - the name in the tag;
//   - the name of the field where it comes first, with an upper-case letter.
//
// It never has the name of the Go type, which may be renamed at will. Within an event a Go type has
// one name, in all of its fields.
//
// The tag of a field says what Go does not:
//
//	avro:"name,timestamp-millis"    the unit of a time.Time or time.Duration, a logical type of Avro
//	avro:"name,uuid"                a string that is a UUID
//	avro:"name,decimal(9,2)"        precision and scale, which a *big.Rat needs
//	avro:"name,type=Name"           the name of the record, enum or fixed
//	avro:"name,alias=old"           what the field was called
//	avro:"name,default=value"       the last option, for scalars
//	doc:"text"                      the field's documentation
//
// The tag of a slice or a map is about its elements. Once the file is there, the file counts, see
// [Check].
//
// It fails with joined *[schema.TypeError]:
//
//   - with [schema.ErrMismatch] for each field that has no counterpart in Avro;
//   - with [schema.ErrInvalidSchema] if Avro does not take a name or a default.
func Schema(t event.Type, namespace string) (string, error) {
	d := deriver{names: make(map[reflect.Type]string), taken: make(map[string]reflect.Type)}
	if t.Go == nil || t.Go.Kind() != reflect.Struct {
		return "", &schema.TypeError{
			Type: t, Reason: schema.ErrMismatch,
			Detail: fmt.Sprintf("found Go type %v, expected a struct", t.Go),
		}
	}
	d.name("", t.Go, t.Name)
	fields := d.fields("", t.Go)
	var mistakes []error
	for _, m := range d.Found {
		mistakes = append(mistakes, &schema.TypeError{
			Type: t, Field: m.Field, Reason: schema.ErrMismatch, Detail: m.Detail,
		})
	}
	if len(mistakes) > 0 {
		return "", errors.Join(mistakes...)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "{\n  \"type\": \"record\",\n  \"name\": %s,\n  \"namespace\": %s,\n  \"fields\": [\n",
		quote(t.Name), quote(namespace))
	for i, field := range fields {
		comma := ","
		if i == len(fields)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, "    %s%s\n", field, comma)
	}
	b.WriteString("  ]\n}\n")
	if err := avsc.Check(b.String()); err != nil { // such as a default or a name that Avro does not take
		return "", &schema.TypeError{Type: t, Reason: schema.ErrInvalidSchema, Err: err}
	}
	return b.String(), nil
}

// deriver makes JSON, and collects the mistakes.
type deriver struct {
	gotype.Mismatches

	names map[reflect.Type]string // of the named types so far
	taken map[string]reflect.Type
}

// name reports whether the type is new under the name, and notes it.
func (d *deriver) name(path string, g reflect.Type, name string) (isNew bool) {
	if other, ok := d.taken[name]; ok && other != g {
		d.Add(path, "both %s and %s would be called %s: tag one `avro:\"…,type=Name\"`", other, g, name)
		return false
	}
	d.names[g], d.taken[name] = name, g
	return true
}

func (d *deriver) fields(path string, g reflect.Type) (fields []string) {
	for i := range g.NumField() {
		field := g.Field(i)
		tag, ok := d.Tag(path, field)
		if !ok {
			continue
		}
		at := avsc.Join(path, tag.Name)
		named, mistakes := tag.TypeName, len(d.Found)
		own := nameOf(innermost(field.Type))
		switch {
		case own != "" && named != "" && own != named:
			d.Add(at, "the tag says type=%s, and Go type %s says that it is called %s: leave the tag's out",
				named, innermost(field.Type), own)
			continue
		case named == "":
			tag.TypeName = cmp.Or(own, strings.ToUpper(tag.Name[:1])+tag.Name[1:])
		}
		typ := d.typ(at, field.Type, tag)
		if named != "" && d.names[innermost(field.Type)] != named && len(d.Found) == mistakes {
			d.Add(at, "the tag says type=%s, where Go type %s has no name of its own, "+
				"or another one by an earlier field: leave it out", named, field.Type)
		}
		f := fmt.Sprintf(`{"name": %s, "type": %s`, quote(tag.Name), typ)
		if len(tag.Aliases) > 0 {
			f += `, "aliases": ` + list(tag.Aliases)
		}
		if def := d.def(at, field.Type, tag); def != "" {
			f += `, "default": ` + def
		}
		if tag.Doc != "" {
			f += `, "doc": ` + quote(tag.Doc)
		}
		fields = append(fields, f+"}")
	}
	return fields
}

// innermost returns the type that the tag of a field of type g is about.
func innermost(g reflect.Type) reflect.Type {
	for !gotype.IsString(g) && (g.Kind() == reflect.Pointer || g.Kind() == reflect.Slice || g.Kind() == reflect.Map) {
		g = g.Elem()
	}
	return g
}

// noLogical refuses a logical type, which says nothing about g.
func (d *deriver) noLogical(path string, g reflect.Type, tag gotype.Tag) {
	if tag.Logical != "" {
		d.Add(path, "the tag says %s, which Go type %s cannot be: leave it out, or change the type", tag.Logical, g)
	}
}

// typ returns the schema of a Go type.
func (d *deriver) typ(path string, g reflect.Type, tag gotype.Tag) string {
	switch {
	case g == reflect.TypeFor[*big.Rat]():
		if tag.Logical != "decimal" {
			d.Add(path, "a *big.Rat needs precision and scale: tag it `avro:\"%s,decimal(9,2)\"`", tag.Name)
		}
		return fmt.Sprintf(`{"type": "bytes", "logicalType": "decimal", "precision": %d, "scale": %d}`,
			tag.Precision, tag.Scale)
	case gotype.IsTime(g):
		return d.timed(path, tag, DefaultTimeUnit)
	case gotype.IsDuration(g):
		return d.timed(path, tag, DefaultDurationUnit)
	case gotype.IsString(g): // whatever it is made of: a uuid.UUID is an array of bytes, and is stored as text
		return d.scalar(path, g, tag)
	}
	switch g.Kind() {
	case reflect.Pointer:
		some := d.typ(path, g.Elem(), tag)
		if tag.HasDefault {
			return `[` + some + `, "null"]` // a default is of the first one
		}
		return `["null", ` + some + `]`
	case reflect.Slice:
		if g.Elem().Kind() == reflect.Uint8 {
			d.noLogical(path, g, tag)
			return `"bytes"`
		}
		return `{"type": "array", "items": ` + d.typ(path+"[]", g.Elem(), tag) + `}`
	case reflect.Map:
		if g.Key() == reflect.TypeFor[string]() {
			return `{"type": "map", "values": ` + d.typ(path+"{}", g.Elem(), tag) + `}`
		}
	case reflect.Array:
		if g.Elem().Kind() == reflect.Uint8 {
			return d.named(path, g, tag, "fixed", func() string { return fmt.Sprintf(`"size": %d`, g.Len()) })
		}
	case reflect.Struct:
		return d.named(path, g, tag, "record", func() string {
			return `"fields": [` + strings.Join(d.fields(path, g), ", ") + `]`
		})
	default:
	}
	return d.scalar(path, g, tag)
}

func (d *deriver) scalar(path string, g reflect.Type, tag gotype.Tag) string {
	switch symbols := gotype.SymbolsOf(g); {
	case len(symbols) > 0 && g.Kind() == reflect.String:
		return d.named(path, g, tag, "enum", func() string {
			return `"symbols": ` + list(symbols) + `, "default": ` + quote(symbols[0])
		})
	case gotype.IsString(g) && tag.Logical == "uuid":
		return `{"type": "string", "logicalType": "uuid"}`
	case gotype.IsString(g):
		d.noLogical(path, g, tag)
		return `"string"`
	}
	if number, ok := logicalNumber(g, tag.Logical); ok {
		return number
	}
	if kind, ok := plainKinds()[g.Kind()]; ok {
		d.noLogical(path, g, tag)
		return quote(kind)
	}
	d.Add(path, "Go type %s has no counterpart in Avro; use int32, int64, float32, float64, bool, string, []byte, "+
		"[N]byte, time.Time, time.Duration, *big.Rat, or slices, maps, structs and pointers of them", g)
	return `""`
}

func plainKinds() map[reflect.Kind]string {
	return map[reflect.Kind]string{
		reflect.Bool: "boolean", reflect.Int32: "int", reflect.Int64: "long", reflect.Int: "long",
		reflect.Float32: "float", reflect.Float64: "double",
	}
}

// logicalNumber returns the schema of an integer that stands for a time.
func logicalNumber(g reflect.Type, logical string) (string, bool) {
	kind := plainKinds()[g.Kind()]
	ok := false
	switch kind {
	case "int":
		ok = logical == "date" || logical == "time-millis"
	case "long":
		ok = logical != "" && logical != "date" && logical != "time-millis" && avsc.CountsTime(logical)
	}
	return fmt.Sprintf(`{"type": %q, "logicalType": %q}`, kind, logical), ok
}

func (d *deriver) timed(path string, tag gotype.Tag, unit string) string {
	isSpan := strings.HasPrefix(unit, "time-")
	if tag.Logical != "" {
		if !avsc.CountsTime(tag.Logical) || strings.HasPrefix(tag.Logical, "time-") != isSpan {
			d.Add(path, "the tag says %s, expected a unit such as %s", tag.Logical, unit)
		}
		unit = tag.Logical
	}
	kind := "long"
	if unit == "date" || unit == "time-millis" {
		kind = "int"
	}
	return fmt.Sprintf(`{"type": %q, "logicalType": %q}`, kind, unit)
}

// named returns the definition of a named type where it comes first, and its name from then on. It
// calls rest once the name is known, because a record may contain itself.
func (d *deriver) named(path string, g reflect.Type, tag gotype.Tag, kind string, rest func() string) string {
	d.noLogical(path, g, tag)
	if name, ok := d.names[g]; ok {
		return quote(name)
	}
	if !d.name(path, g, tag.TypeName) {
		return `""`
	}
	return fmt.Sprintf(`{"type": %q, "name": %s, %s}`, kind, quote(tag.TypeName), rest())
}

// def returns the default of a field as JSON, or nothing.
func (d *deriver) def(path string, g reflect.Type, tag gotype.Tag) string {
	if !tag.HasDefault {
		if g.Kind() == reflect.Pointer && g != reflect.TypeFor[*big.Rat]() {
			return "null"
		}
		return ""
	}
	if g.Kind() == reflect.Pointer {
		g = g.Elem()
	}
	if gotype.IsString(g) {
		return quote(tag.Default)
	}
	if _, scalar := plainKinds()[g.Kind()]; !scalar && !gotype.IsTime(g) || !json.Valid([]byte(tag.Default)) {
		d.Add(path, "found default %q, expected a number, true, false, or a string for a string type", tag.Default)
	}
	return tag.Default
}

func quote(s string) string {
	text, _ := json.Marshal(s) // a string never fails
	return string(text)
}

func list(all []string) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
