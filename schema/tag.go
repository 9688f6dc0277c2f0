package schema

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Keys of the struct tags that tie a Go field to a schema field: `avro:"amount" doc:"Above 0."`.
const (
	tagKey = "avro"
	docKey = "doc"
)

// fieldTag is what the tags of a Go field say. Only the name is needed; the rest is for what Go has no type for:
//
//	avro:"name"                     the field's name in the schema
//	avro:"name,timestamp-millis"    the unit of a time.Time or time.Duration
//	avro:"name,uuid"                a string that is a UUID
//	avro:"name,decimal(9,2)"        precision and scale of a *big.Rat
//	avro:"name,type=Name"           the name of the record, enum or fixed
//	avro:"name,alias=old"           what the field was called
//	avro:"name,default=value"       the last option, a scalar
type fieldTag struct {
	name      string
	logical   string // logical type, if it is told
	precision int    // of a decimal
	scale     int
	typeName  string
	aliases   []string
	def       string
	hasDef    bool
	doc       string
}

// parseTag returns what is wrong with the tag, or "".
func parseTag(field reflect.StructField) (tag fieldTag, wrong string) {
	name, rest, _ := strings.Cut(field.Tag.Get(tagKey), ",")
	tag = fieldTag{name: name, doc: field.Tag.Get(docKey)}
	for rest != "" {
		if value, ok := strings.CutPrefix(rest, "default="); ok {
			tag.def, tag.hasDef = value, true
			break
		}
		var option string
		if strings.HasPrefix(rest, "decimal(") { // has a comma of its own
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

func (t *fieldTag) set(option string) (wrong string) {
	key, value, given := strings.Cut(option, "=")
	if given && value == "" {
		return fmt.Sprintf("tag option %q says nothing: give a name, or leave it out", option)
	}
	switch key {
	case "timestamp-millis", "timestamp-micros", "timestamp-nanos", "local-timestamp-millis", "local-timestamp-micros",
		"local-timestamp-nanos", "date", "time-millis", "time-micros", "uuid":
		t.logical = key
	case "type":
		t.typeName = value
	case "alias":
		t.aliases = append(t.aliases, value)
	case "inline", "omitzero":
		return fmt.Sprintf("tag option %q changes what is stored behind the schema's back: leave it out", option)
	default:
		if digits, ok := strings.CutPrefix(strings.TrimSuffix(option, ")"), "decimal("); ok {
			precision, scale, _ := strings.Cut(digits, ",")
			var errPrecision, errScale error
			t.logical = "decimal"
			t.precision, errPrecision = strconv.Atoi(precision)
			t.scale, errScale = strconv.Atoi(scale)
			if errPrecision == nil && errScale == nil {
				return ""
			}
		}
		return fmt.Sprintf("tag option %q is unknown: see schema.Derive for those there are", option)
	}
	return ""
}
