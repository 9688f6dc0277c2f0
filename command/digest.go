package command

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// Named is a command with a durable name. A command without one counts by the name of its Go type,
// without the package. If that type is renamed, repetitions of earlier commands look like other
// commands, and fail with [eventstore.ErrCommandReused]. Commands are passed by value, so a value
// must have the method.
type Named interface {
	// CommandType returns the durable name, the same for every value of the type.
	CommandType() string
}

const (
	digestBytes = 16  // of SHA-256: enough, since nobody gains from a collision
	maxDepth    = 100 // of a command's values in each other
	usualBytes  = 384 // of a canonical form; a larger one costs another allocation
)

// digests makes digests of commands. It keeps what depends on their types alone. The zero digests
// is ready for use by any number of goroutines.
type digests struct {
	shapes sync.Map // *shape by reflect.Type
}

// of returns a digest of a command's content. The same content has the same digest, whichever
// serialiser it came by, and whatever fields the type has got since. The digest is the beginning of
// the SHA-256 of a canonical form, in hexadecimal.
//
// The canonical form has the command's name and its fields by name, in the order of the names. A
// field's name is that of its json tag, or that of Go. The form has no field that is zero or empty.
// Fields that are not exported count, too. The form of a value depends on its kind:
//   - a pointer has the form of the value that it points to;
//   - a number has its value, whatever its type;
//   - a time has its instant;
//   - a map has its entries in the order of the keys;
//   - a value with a MarshalText has its text;
//   - a value in an interface has its type's name besides.
//
// It fails with an *[eventstore.InvalidError] if a command is no plain data: if it has functions,
// channels, or values that contain themselves.
func (d *digests) of(cmd any) (string, error) {
	v := reflect.ValueOf(cmd)
	s := d.shapeOf(v.Type())
	f := form{digests: d, b: make([]byte, 0, usualBytes)}
	f.text('c', s.nameOf(v))
	f.value(s, v, 0)
	if f.found != "" {
		return "", &eventstore.InvalidError{
			Field: "command field " + v.Type().Name() + f.path, Found: f.found,
			Want: "plain data, by which a repetition is recognised",
		}
	}
	sum := sha256.Sum256(f.b)
	return hex.EncodeToString(sum[:digestBytes]), nil
}

// form is a canonical form that grows.
type form struct {
	digests *digests
	b       []byte

	// found is what a command must not have, or empty. Then path leads there from the value that is
	// being written, and the form is of no use.
	found string
	path  string
}

// text appends a text with its kind and its length, so that no two forms run into each other.
func (f *form) text(kind byte, s string) {
	f.count(kind, len(s))
	f.b = append(f.b, s...)
}

// bytes does what text does.
func (f *form) bytes(kind byte, s []byte) {
	f.count(kind, len(s))
	f.b = append(f.b, s...)
}

func (f *form) count(kind byte, n int) {
	f.b = append(strconv.AppendInt(append(f.b, kind), int64(n), 10), ':')
}

// fail notes what was found in the value that is being written. It returns false.
func (f *form) fail(found string) bool {
	f.found = found
	return false
}

// within makes the path to what was found begin with a step. It returns false.
func (f *form) within(step string) bool {
	f.path = step + f.path
	return false
}

// value appends v, and reports whether it is zero or empty.
func (f *form) value(s *shape, v reflect.Value, depth int) (zero bool) {
	switch {
	case depth > maxDepth:
		return f.fail(fmt.Sprintf("values nested deeper than %d", maxDepth))
	case s.time:
		return f.instant(v)
	case s.none != nil:
		return f.marshalled(s, v)
	}
	var buf [32]byte // takes any number
	switch s.kind {
	case reflect.Pointer:
		return f.behind(s.elem, v, depth)
	case reflect.Interface:
		return f.inside(v, depth)
	case reflect.Bool:
		if v.Bool() {
			f.b = append(f.b, 't')
			return false
		}
		f.b = append(f.b, 'f')
		return true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		f.bytes('n', strconv.AppendInt(buf[:0], v.Int(), 10))
		return v.Int() == 0
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		f.bytes('n', strconv.AppendUint(buf[:0], v.Uint(), 10))
		return v.Uint() == 0
	case reflect.Float32, reflect.Float64:
		f.bytes('n', appendNumber(buf[:0], v.Float(), s.bits))
		return v.Float() == 0
	case reflect.Complex64, reflect.Complex128:
		c := v.Complex()
		f.bytes('n', appendNumber(buf[:0], real(c), s.bits/2))
		f.bytes('n', appendNumber(buf[:0], imag(c), s.bits/2))
		return c == 0
	case reflect.String:
		f.text('s', v.String())
		return v.Len() == 0
	case reflect.Slice, reflect.Array:
		return f.list(s, v, depth)
	case reflect.Map:
		return f.entries(s, v, depth)
	case reflect.Struct:
		return f.fields(s, v, depth)
	default:
		if !v.IsZero() {
			return f.fail("a " + s.kind.String())
		}
		return true
	}
}

// appendNumber appends the shortest text of a number. The text of a whole number is that of an
// integer.
func appendNumber(b []byte, x float64, bits int) []byte {
	if x == math.Trunc(x) && math.Abs(x) < 1<<63 {
		return strconv.AppendInt(b, int64(x), 10) // also without the sign of a zero
	}
	return strconv.AppendFloat(b, x, 'g', -1, bits)
}

// behind appends the value that a pointer refers to. A pointer with a value is not zero, even if
// that value is.
func (f *form) behind(elem *shape, v reflect.Value, depth int) (zero bool) {
	if v.IsNil() {
		f.b = append(f.b, 'z')
		return true
	}
	begin := len(f.b)
	if f.value(elem, v.Elem(), depth+1) {
		f.b = append(f.b[:begin], '0')
	}
	return false
}

// inside appends the value in an interface, as behind does, with the name of its type.
func (f *form) inside(v reflect.Value, depth int) (zero bool) {
	if !v.IsNil() {
		elem := f.digests.shapeOf(v.Elem().Type())
		f.text('i', elem.nameOf(v.Elem()))
		return f.behind(elem, v, depth)
	}
	f.b = append(f.b, 'z')
	return true
}

// zeroTime is the text of the zero time.
const zeroTime = "0001-01-01T00:00:00Z"

func (f *form) instant(v reflect.Value) (zero bool) {
	if !v.CanInterface() {
		return f.fail("a time in a field that is not exported")
	}
	at, ok := v.Interface().(time.Time)
	if !ok {
		at = v.Convert(reflect.TypeFor[time.Time]()).Interface().(time.Time)
	}
	if at.IsZero() {
		f.text('s', zeroTime)
		return true
	}
	var buf [len(time.RFC3339Nano)]byte
	f.bytes('s', at.UTC().AppendFormat(buf[:0], time.RFC3339Nano))
	return false
}

// marshalled appends the text of a value that has a method for it. The value counts as zero if the
// zero value of its type has the same text.
func (f *form) marshalled(s *shape, v reflect.Value) (zero bool) {
	if !v.CanInterface() {
		return f.fail(fmt.Sprintf("a %s in a field that is not exported", v.Type()))
	}
	text, err := s.marshal(v)
	if err != nil {
		return f.fail(fmt.Sprintf("a %s without a text: %v", v.Type(), err))
	}
	f.bytes('s', text)
	none, err := s.none()
	return v.IsZero() || err == nil && none == string(text)
}

func (f *form) list(s *shape, v reflect.Value, depth int) (zero bool) {
	isArray := s.kind == reflect.Array
	switch {
	case s.elem.kind == reflect.Uint8 && isArray:
		f.count('b', v.Len())
		for i := range v.Len() {
			f.b = append(f.b, byte(v.Index(i).Uint()))
		}
		return v.IsZero()
	case s.elem.kind == reflect.Uint8:
		f.bytes('b', v.Bytes())
		return v.Len() == 0
	}
	f.count('l', v.Len())
	allZero := true
	for i := range v.Len() {
		allZero = f.value(s.elem, v.Index(i), depth+1) && allZero
		if f.found != "" {
			return f.within("[" + strconv.Itoa(i) + "]")
		}
	}
	return v.Len() == 0 || isArray && allZero
}

func (f *form) entries(s *shape, v reflect.Value, depth int) (zero bool) {
	f.count('m', v.Len())
	entries := make([]string, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		begin := len(f.b)
		f.value(s.key, it.Key(), depth+1)
		if f.found != "" {
			return f.within("[key]")
		}
		f.value(s.elem, it.Value(), depth+1)
		if f.found != "" {
			return f.within(fmt.Sprintf("[%v]", it.Key()))
		}
		entries = append(entries, string(f.b[begin:]))
		f.b = f.b[:begin]
	}
	slices.Sort(entries)
	for _, e := range entries {
		f.b = append(f.b, e...)
	}
	return v.Len() == 0
}

func (f *form) fields(s *shape, v reflect.Value, depth int) (zero bool) {
	f.b = append(f.b, '{')
	zero = true
	for i := range s.fields {
		x := &s.fields[i]
		begin := len(f.b)
		f.b = append(f.b, x.key...)
		none := f.value(x.shape, v.Field(x.index), depth+1)
		switch {
		case f.found != "":
			return f.within("." + x.name)
		case none:
			f.b = f.b[:begin]
		default:
			zero = false
		}
	}
	f.b = append(f.b, '}')
	return zero
}
