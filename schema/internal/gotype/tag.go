package gotype

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/schema/internal/avsc"
)

// Keys of the struct tags that tie a Go field to a schema field: `avro:"amount" doc:"Above 0."`.
const (
	tagKey = "avro"
	docKey = "doc"
)

// Tag is what the tags of a Go field say. Only the name is needed. The rest is for what Go has no
// type for:
//
//	avro:"name"                     the field's name in the schema
//	avro:"name,timestamp-millis"    the unit of a time.Time or time.Duration
//	avro:"name,uuid"                a string that is a UUID
//	avro:"name,decimal(9,2)"        precision and scale of a *big.Rat
//	avro:"name,type=Name"           the name of the record, enum or fixed
//	avro:"name,alias=old"           what the field was called
//	avro:"name,default=value"       the last option, a scalar
type Tag struct {
	Name       string
	Logical    string // logical type, if it is told
	Precision  int    // of a decimal
	Scale      int
	TypeName   string
	Aliases    []string
	Default    string
	HasDefault bool
	Doc        string
}

// parseTag returns what is wrong with the tag, or "".
func parseTag(field reflect.StructField) (tag Tag, wrong string) {
	name, rest, _ := strings.Cut(field.Tag.Get(tagKey), ",")
	tag = Tag{Name: name, Doc: field.Tag.Get(docKey)}
	for rest != "" {
		if value, ok := strings.CutPrefix(rest, "default="); ok {
			tag.Default, tag.HasDefault = value, true
			break
		}
		var option string
		if strings.HasPrefix(rest, "decimal(") { // it has a comma inside
			end := strings.IndexByte(rest, ')') + 1
			option, rest = rest[:end], strings.TrimPrefix(rest[end:], ",")
		} else {
			option, rest, _ = strings.Cut(rest, ",")
		}
		if wrong := tag.set(option); wrong != "" {
			return tag, wrong
		}
	}
	return tag, ""
}

func (t *Tag) set(option string) (wrong string) {
	key, value, given := strings.Cut(option, "=")
	if given && value == "" {
		return fmt.Sprintf("tag option %q says nothing: give a name, or leave it out", option)
	}
	switch key {
	case "timestamp-millis", "timestamp-micros", "timestamp-nanos", "local-timestamp-millis", "local-timestamp-micros",
		"local-timestamp-nanos", "date", "time-millis", "time-micros", "uuid":
		t.Logical = key
	case "type":
		t.TypeName = value
	case "alias":
		t.Aliases = append(t.Aliases, value)
	case "inline", "omitzero":
		return fmt.Sprintf("tag option %q changes what is stored behind the schema's back: leave it out", option)
	default:
		if digits, ok := strings.CutPrefix(strings.TrimSuffix(option, ")"), "decimal("); ok {
			precision, scale, _ := strings.Cut(digits, ",")
			var errPrecision, errScale error
			t.Logical = "decimal"
			t.Precision, errPrecision = strconv.Atoi(precision)
			t.Scale, errScale = strconv.Atoi(scale)
			if errPrecision == nil && errScale == nil {
				return ""
			}
		}
		return fmt.Sprintf("tag option %q is unknown: see derive.Schema for those there are", option)
	}
	return ""
}

// Tag returns what the tag of a Go field says, and whether the field is stored. A field without a
// tag is a mismatch. If its Go name were stored, to rename the field would lose data.
func (m *Mismatches) Tag(path string, field reflect.StructField) (Tag, bool) {
	text, tagged := field.Tag.Lookup(tagKey)
	if text == "-" {
		return Tag{}, false
	}
	name, _, _ := strings.Cut(text, ",")
	at := avsc.Join(path, field.Name)
	switch {
	case !field.IsExported():
		m.Add(at, "Go field is not exported, so it would not be stored: export it, or tag it `avro:\"-\"`")
	case field.Anonymous:
		m.Add(at, "Go field is embedded: write its fields out, or tag it `avro:\"-\"`")
	case !tagged || name == "":
		m.Add(at, "Go field has no name to be stored under: tag it `avro:\"%s\"`, or `avro:\"-\"` to leave it out",
			strings.ToLower(field.Name[:1])+field.Name[1:])
	default:
		tag, wrong := parseTag(field)
		if wrong == "" {
			return tag, true
		}
		m.Add(at, "%s", wrong)
	}
	return Tag{}, false
}

// TaggedField returns the field of the struct g that is stored under the name.
func TaggedField(g reflect.Type, name string) (reflect.StructField, bool) {
	for i := range g.NumField() {
		if tag, _, _ := strings.Cut(g.Field(i).Tag.Get(tagKey), ","); tag == name {
			return g.Field(i), true
		}
	}
	return reflect.StructField{}, false
}
