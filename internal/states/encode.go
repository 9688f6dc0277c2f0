package states

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
	"unsafe"
)

// A state is encoded for the program that reads it again. So nothing in the bytes says what they
// are: value follows value in the order of the type. All fields count, also those that are not
// exported.
//
// What is decoded is as what was encoded, and the events behind it do the same to both:
//   - nil and empty slices and maps are told apart;
//   - what two pointers or maps share, they share again, also if it contains itself;
//   - a time has its zone again.
//
// A state that cannot be so is not encoded: see the errors of Encode.

// Codec encodes states of one type.
type Codec[S any] struct {
	whole  *form
	layout uint64
}

// form is how values of one type are encoded.
type form struct {
	put func(*writer, reflect.Value)
	get func(*reader, reflect.Value)
}

// UnsupportedError says why states of a type have no snapshots.
type UnsupportedError struct {
	Type  reflect.Type // of the state
	Path  string       // of the part that cannot be encoded; empty for the state itself
	Found reflect.Type // of that part
}

// Error says what was found and what to do.
func (e *UnsupportedError) Error() string {
	where := "it is"
	if e.Path != "" {
		where = "its field " + e.Path + " is"
	}
	return fmt.Sprintf("states of type %s cannot have snapshots, because %s of type %s, which cannot be encoded. "+
		"Give %s the methods MarshalBinary and UnmarshalBinary, or set Snapshots.Off", e.Type, where, e.Found, e.Type)
}

// NewCodec returns the codec of a type. It fails with an *[UnsupportedError] if a part of S is an
// interface, a function, a channel or an unsafe pointer, and no struct around it has the methods
// MarshalBinary and UnmarshalBinary.
func NewCodec[S any]() (*Codec[S], error) {
	t := reflect.TypeFor[S]()
	b := builder{state: t, forms: make(map[reflect.Type]*form)}
	whole := b.form(t, "")
	if b.failed != nil {
		return nil, b.failed
	}
	return &Codec[S]{whole: whole, layout: b.layout()}, nil
}

// Layout is a number that differs between types whose states have different bytes, as far as a
// number can.
func (c *Codec[S]) Layout() uint64 { return c.layout }

// errShared is the error of a state that shares memory in a way that its copy would not.
var errShared = errors.New("two slices of it, or a slice and a pointer, refer to the same memory: " +
	"a snapshot would take them apart")

// Encode returns the state as bytes, at most so many. It fails if
//   - there are more, or values are nested too deep;
//   - two of its slices share memory, or a slice and a pointer do;
//   - it has a time in a zone that is neither UTC, nor the local one, nor a fixed one;
//   - a MarshalBinary fails, or its UnmarshalBinary does not make the same value again.
func (c *Codec[S]) Encode(s S, maxBytes int) ([]byte, error) {
	w := &writer{max: maxBytes}
	c.whole.put(w, reflect.ValueOf(&s).Elem())
	w.full()
	if w.failed == nil && w.overlap() {
		w.failed = errShared
	}
	if w.failed != nil {
		return nil, fmt.Errorf("encode a state of type %T: %w", s, w.failed)
	}
	return w.b, nil
}

// Decode returns the state that Encode of the same program has encoded. It never panics.
func (c *Codec[S]) Decode(b []byte) (s S, err error) {
	r := &reader{left: b}
	c.whole.get(r, reflect.ValueOf(&s).Elem())
	if r.failed == nil && len(r.left) > 0 {
		r.fail()
	}
	if r.failed != nil {
		var none S
		return none, fmt.Errorf("decode a state of type %T: %w", s, r.failed)
	}
	return s, nil
}

// writer is a state that is being encoded.
type writer struct {
	b      []byte
	max    int
	depth  int
	seen   map[seen]uint64 // pointers and maps, by their number
	spans  []span          // of memory that slices and pointers refer to
	failed error
}

// seen is what a pointer or a map refers to.
type seen struct {
	at unsafe.Pointer
	t  reflect.Type
}

type span struct{ from, to uintptr }

// maxDepth bounds how deep pointers, slices and maps of a state are nested.
const maxDepth = 10_000

var errDeep = fmt.Errorf("values are nested deeper than %d", maxDepth)

// full reports whether nothing more is written.
func (w *writer) full() bool {
	if w.failed == nil && len(w.b) > w.max {
		w.failed = fmt.Errorf("it takes more than %d bytes", w.max)
	}
	return w.failed != nil
}

// deeper calls put one level deeper.
func (w *writer) deeper(put func()) {
	if w.depth++; w.depth > maxDepth && w.failed == nil {
		w.failed = errDeep
	}
	if !w.full() {
		put()
	}
	w.depth--
}

func (w *writer) number(n uint64) { w.b = binary.AppendUvarint(w.b, n) }

// share writes whether the pointer or the map is nil (0), new (1), or the one that was the n-th new
// one (n + 2). It reports whether what it refers to must follow.
func (w *writer) share(v reflect.Value) (follows bool) {
	if v.IsNil() {
		w.number(0)
		return false
	}
	key := seen{v.UnsafePointer(), v.Type()}
	if n, known := w.seen[key]; known {
		w.number(n + 2)
		return false
	}
	if w.seen == nil {
		w.seen = make(map[seen]uint64)
	}
	w.seen[key] = uint64(len(w.seen))
	w.number(1)
	return true
}

// refers notes that something refers to so many bytes of memory.
func (w *writer) refers(at unsafe.Pointer, bytes uintptr) {
	if bytes > 0 {
		w.spans = append(w.spans, span{uintptr(at), uintptr(at) + bytes})
	}
}

// overlap reports whether two parts of the state refer to the same memory. Pointers that are equal
// are one part.
func (w *writer) overlap() bool {
	slices.SortFunc(w.spans, func(a, b span) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	for i := 1; i < len(w.spans); i++ {
		if w.spans[i].from < w.spans[i-1].to {
			return true
		}
	}
	return false
}

// reader is a state that is being decoded.
type reader struct {
	left   []byte
	depth  int
	seen   []reflect.Value // pointers and maps, by their number
	failed error
}

// deeper calls get one level deeper.
func (r *reader) deeper(get func()) {
	if r.depth++; r.depth > maxDepth {
		r.fail()
	}
	if r.failed == nil {
		get()
	}
	r.depth--
}

var errEncoded = errors.New("it is not what this program has encoded")

func (r *reader) fail() {
	if r.failed == nil {
		r.failed, r.left = errEncoded, nil
	}
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.left)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.left = r.left[size:]
	return n
}

// take returns the next bytes, as many as a number before them says.
func (r *reader) take() []byte {
	n := r.number()
	if n > uint64(len(r.left)) {
		r.fail()
		return nil
	}
	b := r.left[:n]
	r.left = r.left[n:]
	return b
}

// share reads what share of writer has written. If what v refers to follows, it returns true, and
// the caller must set v and append it to seen first.
func (r *reader) share(v reflect.Value) (follows bool) {
	switch n := r.number(); {
	case r.failed != nil || n == 0:
		return false
	case n == 1:
		return true
	case n-2 >= uint64(len(r.seen)) || r.seen[n-2].Type() != v.Type():
		r.fail()
	default:
		v.Set(r.seen[n-2])
	}
	return false
}

// float and complex numbers are kept bit by bit.
func putFloat(w *writer, f float64) { w.b = binary.BigEndian.AppendUint64(w.b, math.Float64bits(f)) }

func (r *reader) float() float64 {
	const size = 8
	if len(r.left) < size {
		r.fail()
		return 0
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(r.left))
	r.left = r.left[size:]
	return f
}

// Times are encoded as seconds, nanoseconds, and the kind of their zone.
const (
	zoneUTC = iota
	zoneLocal
	zoneFixed // its name and offset follow
)

func putTime(w *writer, v reflect.Value) {
	t := v.Convert(reflect.TypeFor[time.Time]()).Interface().(time.Time)
	w.b = binary.AppendVarint(w.b, t.Unix())
	w.number(uint64(t.Nanosecond()))
	name, offset := t.Zone()
	switch zone := t.Location(); {
	case zone == time.UTC:
		w.number(zoneUTC)
	case zone == time.Local: //nolint:gosmopolitan // a state may have it
		w.number(zoneLocal)
	case reflect.DeepEqual(zone, time.FixedZone(name, offset)):
		w.number(zoneFixed)
		w.number(uint64(len(name)))
		w.b = binary.AppendVarint(append(w.b, name...), int64(offset))
	default:
		w.failed = errors.Join(w.failed, fmt.Errorf("a time in the zone %s: keep times in UTC", zone))
	}
}

func getTime(r *reader, v reflect.Value) {
	seconds, nanos := r.signed(), r.number()
	if nanos >= uint64(time.Second) {
		r.fail()
		return
	}
	t := time.Unix(seconds, int64(nanos))
	switch r.number() {
	case zoneUTC:
		t = t.UTC()
	case zoneLocal:
	case zoneFixed:
		name := string(r.take())
		t = t.In(time.FixedZone(name, int(r.signed())))
	default:
		r.fail()
	}
	v.Set(reflect.ValueOf(t).Convert(v.Type()))
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.left)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.left = r.left[size:]
	return n
}

// marshaler is what encodes itself.
type marshaler interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}
