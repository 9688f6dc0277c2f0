package schema

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/gotype"
)

// storedOf finds what must not be stored: strings that are not UTF-8, and values beyond the limits
// of their logical type. A uuid has ASCII letters only, so nothing else looks at its text.
func storedOf(g reflect.Type, n *avro.SchemaNode) *parts {
	if limit := limitOf(g, n); limit != nil {
		return limit
	}
	return textOf(g, n)
}

// limitOf finds values that are beyond the limits of their logical type, which is more narrow than
// the type below it. Avro libraries for Go store such a value, and readers in other languages fail
// on it, for ever. The codec checks these limits when it stores a value, and not when it reads one.
// So the values that are in a topic stay readable.
//
//   - A time of day is from 0 up to, and without, 24 hours.
//   - A date or a timestamp is of the years 1 to 9999, as ISO 8601 and the types of Python and SQL
//     have it. One in nanoseconds is of the years 1678 to 2261.
//   - A uuid is 36 characters in the form of RFC 9562.
//   - A decimal has at most as many digits as its precision says, and none beyond its scale.
func limitOf(g reflect.Type, n *avro.SchemaNode) *parts {
	switch logicalType := n.LogicalType; {
	case g == reflect.TypeFor[*big.Rat]() && logicalType == "decimal":
		return &parts{wrong: decimalLimit(n)}
	case logicalType == "decimal" && n.Type == avsc.KindFixed:
		return &parts{wrong: fixedDecimalLimit(n)}
	case logicalType == "uuid" && n.Type == "string":
		return &parts{wrong: uuidLimit(g)}
	case logicalType == "time-millis" && n.Type == "int", logicalType == "time-micros" && n.Type == "long":
		return &parts{wrong: timeOfDayLimit(g, unitOf(logicalType))}
	case !isInstant(n):
		return nil
	case gotype.IsTime(g):
		span := spanOf(logicalType)
		return &parts{span: &span, wrong: func(v reflect.Value) string {
			at, _ := v.Addr().Interface().(*time.Time)
			if span.has(*at) {
				return ""
			}
			return span.wrong(*at)
		}}
	case g.Kind() == reflect.Int32 || g.Kind() == reflect.Int64 || g.Kind() == reflect.Int:
		return &parts{wrong: countLimit(logicalType)}
	}
	return nil
}

// isInstant reports whether n is a date or a timestamp, of the type that Avro has it for.
func isInstant(n *avro.SchemaNode) bool {
	return n.Type == "int" && n.LogicalType == "date" ||
		n.Type == "long" && strings.HasPrefix(strings.TrimPrefix(n.LogicalType, "local-"), "timestamp-")
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
	return fmt.Sprintf("is %v, expected the years %d to %d, which readers in other languages can take",
		at, s.firstYear, s.lastYear)
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
	if !gotype.IsDuration(g) {
		per = int64(unit)
	}
	return func(v reflect.Value) string {
		if n := v.Int(); n < 0 || n >= int64(day)/per {
			return fmt.Sprintf("is %v, expected a time of day, from 0 up to 24 hours; "+
				"make it a long of your own unit if it is a duration", v.Interface())
		}
		return ""
	}
}

func uuidLimit(g reflect.Type) func(reflect.Value) string {
	if !marshalsText(g) {
		return func(v reflect.Value) string { return wrongUUID(v.String()) }
	}
	return func(v reflect.Value) string {
		text, err := marshaled(v)
		if err != nil {
			return "" // which is left to the Avro library
		}
		return wrongUUID(string(text))
	}
}

func wrongUUID(text string) string {
	if isUUID(text) {
		return ""
	}
	return fmt.Sprintf("is %.50q, expected a uuid, such as 0189c9c2-7d7a-7bbb-8aaa-111111111111; "+
		"make it a plain string if it is none", text)
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

// scratch is numbers that a check needs for a moment.
type scratch struct{ factor, rest, unscaled big.Int }

func newScratch() *sync.Pool { return &sync.Pool{New: func() any { return new(scratch) }} }

func powerOf(base, exponent int) *big.Int {
	return new(big.Int).Exp(big.NewInt(int64(base)), big.NewInt(int64(exponent)), nil)
}

func decimalLimit(n *avro.SchemaNode) func(reflect.Value) string {
	const ten = 10
	shift, beyond, pool := powerOf(ten, n.Scale), powerOf(ten, n.Precision), newScratch()
	fits := func(r *big.Rat) bool {
		s := pool.Get().(*scratch)
		defer pool.Put(s)
		s.factor.QuoRem(shift, r.Denom(), &s.rest) // r is in lowest terms
		return s.rest.Sign() == 0 && s.unscaled.Mul(&s.factor, r.Num()).CmpAbs(beyond) < 0
	}
	return func(v reflect.Value) string {
		switch r, _ := v.Interface().(*big.Rat); {
		case r == nil:
			return "is nil, expected a number; make it optional in the schema if there may be none"
		case !fits(r):
			return fmt.Sprintf("is %.50s, expected at most %d digits, %d of them after the point",
				r.RatString(), n.Precision, n.Scale)
		}
		return ""
	}
}

// fixedDecimalLimit is for a decimal whose bytes the program makes.
func fixedDecimalLimit(n *avro.SchemaNode) func(reflect.Value) string {
	const ten, perByte, signBit = 10, 8, 0x80
	beyond, modulus, pool := powerOf(ten, n.Precision), powerOf(2, n.Size*perByte), newScratch()
	return func(v reflect.Value) string {
		s := pool.Get().(*scratch)
		defer pool.Put(s)
		b := v.Bytes()
		s.unscaled.SetBytes(b)
		if len(b) > 0 && b[0]&signBit != 0 {
			s.unscaled.Sub(&s.unscaled, modulus)
		}
		if s.unscaled.CmpAbs(beyond) >= 0 {
			return fmt.Sprintf("is %v, expected at most %d digits", &s.unscaled, n.Precision)
		}
		return ""
	}
}

// symbolLimit is for an enum. Avro libraries check it themselves.
func symbolLimit(_ reflect.Type, n *avro.SchemaNode) *parts {
	if n.Type != avsc.KindEnum {
		return nil
	}
	return &parts{wrong: func(v reflect.Value) string {
		if slices.Contains(n.Symbols, v.String()) {
			return ""
		}
		return fmt.Sprintf("is %.50q, expected a symbol of enum %s: %s",
			v.String(), n.Name, strings.Join(n.Symbols, ", "))
	}}
}
