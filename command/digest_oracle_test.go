package command_test

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/eventstore"
)

const (
	digestBytes = 16
	maxDepth    = 100
)

// oracle is how digests were made first: plainly, and without keeping anything of a type.
func oracle(cmd any) (string, error) {
	v := reflect.ValueOf(cmd)
	f := form{path: v.Type().Name()}
	f.text('c', nameOf(v))
	f.value(v, 0)
	if f.wrong != nil {
		return "", f.wrong
	}
	sum := sha256.Sum256(f.b)
	return hex.EncodeToString(sum[:digestBytes]), nil
}

func nameOf(v reflect.Value) string {
	if v.CanInterface() {
		if v.Kind() == reflect.Pointer && v.IsNil() {
			v = reflect.New(v.Type().Elem())
		}
		if n, ok := v.Interface().(command.Named); ok {
			return n.CommandType()
		}
	}
	if name := v.Type().Name(); name != "" {
		return name
	}
	return v.Type().String()
}

// form is a canonical form that grows.
type form struct {
	b     []byte
	path  string // of the field that is being written, for errors
	wrong error
}

// text appends a text with its kind and its length, so that no two forms run into each other.
func (f *form) text(kind byte, s string) {
	f.b = strconv.AppendInt(append(f.b, kind), int64(len(s)), 10)
	f.b = append(append(f.b, ':'), s...)
}

func (f *form) count(kind byte, n int) {
	f.b = append(strconv.AppendInt(append(f.b, kind), int64(n), 10), ':')
}

func (f *form) fail(found string) {
	if f.wrong == nil {
		f.wrong = &eventstore.InvalidError{
			Field: "command field " + f.path, Found: found, Want: "plain data, by which a repetition is recognised",
		}
	}
}

// value appends v, and reports whether it is zero or empty.
func (f *form) value(v reflect.Value, depth int) (zero bool) {
	if depth > maxDepth {
		f.fail(fmt.Sprintf("values nested deeper than %d", maxDepth))
	}
	if f.wrong != nil {
		return false
	}
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		return f.behind(v, depth)
	}
	if text, zero, ok := f.marshalled(v); ok {
		f.text('s', text)
		return zero
	}
	switch v.Kind() {
	case reflect.Bool:
		f.b = append(f.b, map[bool]byte{false: 'f', true: 't'}[v.Bool()])
		return !v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		f.text('n', strconv.FormatInt(v.Int(), 10))
		return v.Int() == 0
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		f.text('n', strconv.FormatUint(v.Uint(), 10))
		return v.Uint() == 0
	case reflect.Float32, reflect.Float64:
		f.text('n', number(v.Float(), v.Type().Bits()))
		return v.Float() == 0
	case reflect.Complex64, reflect.Complex128:
		c := v.Complex()
		f.text('n', number(real(c), v.Type().Bits()/2))
		f.text('n', number(imag(c), v.Type().Bits()/2))
		return c == 0
	case reflect.String:
		f.text('s', v.String())
		return v.Len() == 0
	case reflect.Slice, reflect.Array:
		return f.list(v, depth)
	case reflect.Map:
		return f.entries(v, depth)
	case reflect.Struct:
		return f.fields(v, depth)
	default:
		if !v.IsZero() {
			f.fail("a " + v.Kind().String())
		}
		return true
	}
}

// number returns the shortest text of a number. The text of a whole number is that of an integer.
func number(x float64, bits int) string {
	if x == math.Trunc(x) && math.Abs(x) < 1<<63 {
		return strconv.FormatInt(int64(x), 10) // also without the sign of a zero
	}
	return strconv.FormatFloat(x, 'g', -1, bits)
}

// behind appends the value that a pointer or an interface refers to. A pointer or an interface with
// a value is not zero, even if that value is.
func (f *form) behind(v reflect.Value, depth int) (zero bool) {
	if v.IsNil() {
		f.b = append(f.b, 'z')
		return true
	}
	if v.Kind() == reflect.Interface {
		f.text('i', nameOf(v.Elem()))
	}
	begin := len(f.b)
	if f.value(v.Elem(), depth+1) {
		f.b = append(f.b[:begin], '0')
	}
	return false
}

// marshalled returns the text of a value that has a method for it. The value counts as zero if the
// zero value of its type has the same text.
func (f *form) marshalled(v reflect.Value) (text string, zero, ok bool) {
	if v.Type().ConvertibleTo(reflect.TypeFor[time.Time]()) && v.Kind() == reflect.Struct {
		if !v.CanInterface() {
			f.fail("a time in a field that is not exported")
			return "", false, true
		}
		at := v.Convert(reflect.TypeFor[time.Time]()).Interface().(time.Time)
		return at.UTC().Format(time.RFC3339Nano), at.IsZero(), true
	}
	g := reflect.TypeFor[encoding.TextMarshaler]()
	if !v.Type().Implements(g) && !reflect.PointerTo(v.Type()).Implements(g) {
		return "", false, false
	}
	if !v.CanInterface() {
		f.fail(fmt.Sprintf("a %s in a field that is not exported", v.Type()))
		return "", false, true
	}
	text, err := marshal(v)
	if err != nil {
		f.fail(fmt.Sprintf("a %s without a text: %v", v.Type(), err))
		return "", false, true
	}
	none, err := marshal(reflect.Zero(v.Type()))
	return text, v.IsZero() || err == nil && none == text, true
}

func marshal(v reflect.Value) (string, error) {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	b, err := p.Interface().(encoding.TextMarshaler).MarshalText()
	return string(b), err
}

func (f *form) list(v reflect.Value, depth int) (zero bool) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b := make([]byte, v.Len())
		for i := range b {
			b[i] = byte(v.Index(i).Uint())
		}
		f.text('b', string(b))
		return v.Len() == 0 || v.Kind() == reflect.Array && v.IsZero()
	}
	f.count('l', v.Len())
	allZero := true
	path := f.path
	for i := range v.Len() {
		f.path = path + "[" + strconv.Itoa(i) + "]"
		allZero = f.value(v.Index(i), depth+1) && allZero
	}
	f.path = path
	return v.Len() == 0 || v.Kind() == reflect.Array && allZero
}

func (f *form) entries(v reflect.Value, depth int) (zero bool) {
	f.count('m', v.Len())
	var entries []string
	for it := v.MapRange(); it.Next() && f.wrong == nil; {
		e := form{path: f.path + "[key]"}
		e.value(it.Key(), depth+1)
		e.path = fmt.Sprintf("%s[%v]", f.path, it.Key())
		e.value(it.Value(), depth+1)
		entries, f.wrong = append(entries, string(e.b)), e.wrong
	}
	slices.Sort(entries)
	for _, e := range entries {
		f.b = append(f.b, e...)
	}
	return v.Len() == 0
}

func (f *form) fields(v reflect.Value, depth int) (zero bool) {
	type field struct {
		name  string
		index int
	}
	fields := make([]field, v.NumField())
	for i := range fields {
		fields[i] = field{nameOfField(v.Type().Field(i)), i}
	}
	slices.SortStableFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	f.b = append(f.b, '{')
	zero = true
	path := f.path
	for _, x := range fields {
		f.path = path + "." + v.Type().Field(x.index).Name
		begin := len(f.b)
		f.text('k', x.name)
		if f.value(v.Field(x.index), depth+1) {
			f.b = f.b[:begin]
		} else {
			zero = false
		}
	}
	f.path = path
	f.b = append(f.b, '}')
	return zero
}

// nameOfField returns the name that the json tag of a field gives, if it gives one. Then a rename
// in Go changes nothing.
func nameOfField(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" || name == "-" {
		return f.Name
	}
	return name
}
