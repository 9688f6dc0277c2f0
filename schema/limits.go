package schema

import (
	"encoding"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/twmb/avro"
)

// limits says where the events of a Go type have values of logical types, which are more narrow than the types below them. Avro libraries for Go
// store what is beyond, and readers in other languages fail on it, for ever. They are checked where a value is stored, and not where it is read:
// what stands in a topic stays readable.
//
//   - A time of day is from 0 up to, and without, 24 hours.
//   - A date or a timestamp is of the years 1 to 9999, as ISO 8601 and the types of Python and SQL have it; one in nanoseconds is of the years 1678 to 2261.
//   - A uuid is 36 characters in the form of RFC 9562.
//   - A decimal has at most as many digits as its precision says, and none beyond its scale.
type limits struct {
	typ  reflect.Type
	flat []flatTime // fields of the struct itself that are a time.Time: found without reflection
	rest *parts     // what lies deeper, or is of another type; nil if there is none
}

type flatTime struct {
	offset uintptr
	name   string
	span   timeSpan
}

// newLimits returns nil if a struct of the type, which fits the record, has no such values.
func newLimits(g reflect.Type, record *avro.SchemaNode) *limits {
	root := partsOf(g, record, limitOf, nil)
	if root == nil {
		return nil
	}
	l := &limits{typ: g}
	rest := &parts{kind: reflect.Struct}
	all := newNames(record)
	for _, field := range root.fields {
		if !isTime(g.Field(field.index).Type) {
			rest.fields = append(rest.fields, field)
			continue
		}
		for i := range record.Fields {
			if f := &record.Fields[i]; f.Name == field.name {
				logicalType := all.follow(&f.Type, namespaceOf(record)).LogicalType
				l.flat = append(l.flat, flatTime{g.Field(field.index).Offset, field.name, spanOf(logicalType)})
			}
		}
	}
	if len(rest.fields) > 0 {
		l.rest = rest
	}
	return l
}

// check returns nil, or which value of the struct that p points to is beyond its limits.
func (l *limits) check(p unsafe.Pointer) error {
	for i := range l.flat {
		f := &l.flat[i]
		if at := (*time.Time)(unsafe.Add(p, f.offset)); !f.span.has(*at) {
			return fmt.Errorf("field %q %s", f.name, f.span.wrong(*at))
		}
	}
	if l.rest != nil {
		return l.rest.check(reflect.NewAt(l.typ, p).Elem())
	}
	return nil
}

// limitOf returns what finds out that a value is beyond the limits of its logical type; nil if it has none.
func limitOf(g reflect.Type, n *avro.SchemaNode) func(reflect.Value) string {
	switch logicalType := n.LogicalType; {
	case g == reflect.TypeFor[*big.Rat]() && logicalType == "decimal":
		return decimalLimit(n)
	case logicalType == "decimal" && n.Type == kindFixed:
		return fixedDecimalLimit(n)
	case logicalType == "uuid" && n.Type == "string":
		return uuidOf
	case logicalType == "time-millis" && n.Type == "int", logicalType == "time-micros" && n.Type == "long":
		return timeOfDayLimit(g, unitOf(logicalType))
	case !isInstant(n):
		return nil
	case isTime(g):
		span := spanOf(logicalType)
		return func(v reflect.Value) string {
			if at := v.Interface().(time.Time); !span.has(at) {
				return span.wrong(at)
			}
			return ""
		}
	case g.Kind() == reflect.Int32 || g.Kind() == reflect.Int64 || g.Kind() == reflect.Int:
		return countLimit(logicalType)
	}
	return nil
}

// isInstant reports whether n is a date or a timestamp, of the type that Avro has it for.
func isInstant(n *avro.SchemaNode) bool {
	return n.Type == "int" && n.LogicalType == "date" ||
		n.Type == "long" && (strings.HasPrefix(n.LogicalType, "timestamp-") || strings.HasPrefix(n.LogicalType, "local-timestamp-"))
}

func unitOf(logicalType string) time.Duration {
	const day = 24 * time.Hour
	switch {
	case logicalType == "date":
		return day
	case strings.HasSuffix(logicalType, "-millis"):
		return time.Millisecond
	case strings.HasSuffix(logicalType, "-micros"):
		return time.Microsecond
	}
	return time.Nanosecond
}

// timeSpan is a range of times, by seconds since 1970, first and last included.
type timeSpan struct {
	first, last         int64
	firstYear, lastYear int
}

func spanOf(logicalType string) timeSpan {
	s := timeSpan{firstYear: 1, lastYear: 9999}
	if strings.HasSuffix(logicalType, "-nanos") { // what 64 bits can count
		s = timeSpan{firstYear: 1678, lastYear: 2261}
	}
	s.first = time.Date(s.firstYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	s.last = time.Date(s.lastYear+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix() - 1
	return s
}

func (s timeSpan) has(at time.Time) bool {
	seconds := at.Unix()
	return s.first <= seconds && seconds <= s.last
}

func (s timeSpan) wrong(at any) string {
	return fmt.Sprintf("is %v, expected the years %d to %d, which readers in other languages can take", at, s.firstYear, s.lastYear)
}

// countLimit is for a date or a timestamp that is a number in Go.
func countLimit(logicalType string) func(reflect.Value) string {
	span, unit := spanOf(logicalType), unitOf(logicalType)
	first, last := span.first, span.last
	if unit >= time.Second {
		first, last = first/int64(unit/time.Second), last/int64(unit/time.Second)
	} else {
		first, last = first*int64(time.Second/unit), (last+1)*int64(time.Second/unit)-1
	}
	return func(v reflect.Value) string {
		if count := v.Int(); count < first || count > last {
			return span.wrong(fmt.Sprintf("%s %d", logicalType, count))
		}
		return ""
	}
}

func timeOfDayLimit(g reflect.Type, unit time.Duration) func(reflect.Value) string {
	const day = 24 * time.Hour
	per := int64(1)
	if !isDuration(g) {
		per = int64(unit)
	}
	return func(v reflect.Value) string {
		if n := v.Int(); n < 0 || n >= int64(day)/per {
			return fmt.Sprintf("is %v, expected a time of day, from 0 up to 24 hours; make it a long of your own unit if it is a duration", v.Interface())
		}
		return ""
	}
}

func uuidOf(v reflect.Value) string {
	var text string
	switch _, marshals := reflect.New(v.Type()).Interface().(encoding.TextMarshaler); {
	case marshals:
		b, err := marshaled(v)
		if err != nil {
			return "" // which is left to the Avro library
		}
		text = string(b)
	default:
		text = v.String()
	}
	if isUUID(text) {
		return ""
	}
	return fmt.Sprintf("is %.50q, expected a uuid, such as 0189c9c2-7d7a-7bbb-8aaa-111111111111; make it a plain string if it is none", text)
}

// isUUID reports whether text has the form of RFC 9562.
func isUUID(text string) bool {
	const length = 36
	if len(text) != length {
		return false
	}
	for i := range len(text) {
		c := text[i]
		isDash := i == 8 || i == 13 || i == 18 || i == 23
		isHex := '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
		if isDash != (c == '-') || !isDash && !isHex {
			return false
		}
	}
	return true
}

func decimalLimit(n *avro.SchemaNode) func(reflect.Value) string {
	ten := big.NewInt(10)
	shift := new(big.Rat).SetInt(new(big.Int).Exp(ten, big.NewInt(int64(n.Scale)), nil))
	beyond := new(big.Int).Exp(ten, big.NewInt(int64(n.Precision)), nil)
	return func(v reflect.Value) string {
		r, _ := v.Interface().(*big.Rat)
		if r == nil {
			return "is nil, expected a number; make it optional in the schema if there may be none"
		}
		unscaled := new(big.Rat).Mul(r, shift)
		if !unscaled.IsInt() || unscaled.Num().CmpAbs(beyond) >= 0 {
			return fmt.Sprintf("is %.50s, expected at most %d digits, %d of them after the point", r.RatString(), n.Precision, n.Scale)
		}
		return ""
	}
}

// fixedDecimalLimit is for a decimal whose bytes the program makes.
func fixedDecimalLimit(n *avro.SchemaNode) func(reflect.Value) string {
	beyond := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n.Precision)), nil)
	return func(v reflect.Value) string {
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		unscaled := new(big.Int).SetBytes(b)
		if len(b) > 0 && b[0]&0x80 != 0 {
			unscaled.Sub(unscaled, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
		}
		if unscaled.CmpAbs(beyond) >= 0 {
			return fmt.Sprintf("is %v, expected at most %d digits", unscaled, n.Precision)
		}
		return ""
	}
}

// symbolLimit is for an enum. Avro libraries check it themselves.
func symbolLimit(_ reflect.Type, n *avro.SchemaNode) func(reflect.Value) string {
	if n.Type != kindEnum {
		return nil
	}
	return func(v reflect.Value) string {
		if slices.Contains(n.Symbols, v.String()) {
			return ""
		}
		return fmt.Sprintf("is %.50q, expected a symbol of enum %s: %s", v.String(), n.Name, strings.Join(n.Symbols, ", "))
	}
}
