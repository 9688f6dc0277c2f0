package schema

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/internal/topics"
	"github.com/fencelog/fencelog/schema/internal/avsc"
)

// The wire format: a magic byte, a schema id, then Avro.
const (
	magicByte  = 0
	headerSize = 5
	maxID      = math.MaxInt32 // ids are Java ints in every registry
)

// maxGuess bounds what is allocated for a value before its size is known. One large event must not
// make all events after it take as much memory.
const maxGuess = 4 << 10

// Codec encodes events as Avro in Confluent's wire format. It is what package aggregate asks of a
// codec.
type Codec struct {
	registry Lookup
	sources  Sources
	cfg      Config

	// types is replaced as a whole, so that encoding and decoding take no lock.
	types atomic.Pointer[bindings]
	binds sync.Mutex // held while types is replaced
}

// bindings holds the binding of each event type by its Go type, which is much faster to look up
// than two names. If a Go type is bound under several names, it holds one of them, which leads to
// the others.
type bindings map[unsafe.Pointer]*binding

func (all bindings) of(t event.Type) *binding {
	b := all[identity(t.Go)]
	for b != nil && b.Type != t {
		b = b.next
	}
	return b
}

// binding is an event type with its schema.
type binding struct {
	event.Type
	pointer reflect.Type // to Type.Go
	boxed   boxed
	leads   leads
	next    *binding // another name of the same Go type
	file    string
	record  string   // full name
	aliases []string // full names
	text    string
	root    *avro.SchemaNode
	schema  Compiled
	stored  *checks // of what is stored; nil if there are none
	texts   *checks // of what was read; nil if there are none
	symbols *parts  // where it has enums; nil if it has none
	is      Registered

	size atomic.Int64 // of the last value encoded, the best guess at the next one's

	// writers has the decoders of other revisions, by the ids of their schemas. It grows by one for
	// each revision that the codec meets, and is replaced as a whole.
	writers atomic.Pointer[map[int]Decoder]
}

// NewCodec returns a codec of the schemas in sources. It neither reads them nor asks the registry:
// [Codec.Bind] does. It fails if the registry or a file system is nil.
func NewCodec(registry Lookup, sources Sources, cfg Config) (*Codec, error) {
	var mistakes []error
	if registry == nil {
		mistakes = append(mistakes, errors.New("no registry given; registry.NewMemory() makes one without a server"))
	}
	for category, files := range sources {
		if files == nil {
			mistakes = append(mistakes, fmt.Errorf(
				"the source of category %q is nil; give the file system with its .avsc files", category))
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("schema codec: %w", err)
	}
	c := &Codec{registry: registry, sources: sources, cfg: cfg.withDefaults()}
	c.types.Store(&bindings{})
	return c, nil
}

// Encode returns the event, a value of t.Go, in the wire format, and the version that its schema
// has under its subject.
//
// Errors are *[EncodeError]. Encode fails with [ErrNotBound] if t was not bound. It fails with
// [ErrMismatch] and the field if readers in other languages would fail on the value:
//
//   - a string is not UTF-8;
//   - a time of day (time-millis, time-micros) is not from 0 up to, and without, 24 hours;
//   - a date or a timestamp is beyond the years 1 to 9999, or 1678 to 2261 in nanoseconds;
//   - a uuid is not in the form of one;
//   - a decimal has more digits than its precision or its scale says;
//   - an enum does not have the symbol.
//
// A float or double may be NaN or infinite, which Avro has.
func (c *Codec) Encode(_ context.Context, t event.Type, e any) (value []byte, revision int, err error) {
	b := c.types.Load().of(t)
	if b == nil {
		return nil, 0, &EncodeError{Type: t, Reason: ErrNotBound, Detail: "give it to Bind at start-up"}
	}
	p, pointer, ok := b.boxed.pointerTo(e)
	if !ok {
		return nil, 0, &EncodeError{
			Type: t, Reason: ErrMismatch, Detail: fmt.Sprintf("found a %T, expected a %s", e, t.Go),
		}
	}
	if err := b.stored.check(p); err != nil {
		return nil, 0, &EncodeError{Type: t, Reason: ErrMismatch, Err: err}
	}
	size := b.size.Load()
	value = make([]byte, headerSize, headerSize+size)
	value[0] = magicByte
	binary.BigEndian.PutUint32(value[1:], uint32(b.is.ID))
	value, err = b.schema.AppendEncode(value, pointer)
	if err != nil {
		if b.symbols != nil { // the library says which symbol, and not always where
			err = cmp.Or(b.symbols.check(reflect.NewAt(t.Go, p).Elem()), err)
		}
		return nil, 0, &EncodeError{Type: t, Reason: ErrMismatch, Err: err}
	}
	if n := min(int64(len(value)-headerSize), maxGuess); n != size {
		b.size.Store(n)
	}
	return value, b.is.Version, nil
}

// Decode reads a value into the event that into, a pointer to a t.Go, points to. The value was
// encoded with any registered revision of the type's schema. A field that the value lacks gets the
// schema's default.
//
// Errors are *[DecodeError]. Decode fails
//
//   - with [ErrDamaged] if the value is damaged, for ever;
//   - with [ErrRevision] if this program is too old or too new for the value's revision, until
//     another release;
//   - with [ErrUnknownID] if the registry does not know the schema's id, until it is registered;
//   - with [ErrUnavailable] or [ErrUnauthorized] if the registry did not answer, until it does;
//   - with [ErrNotBound] or [ErrMismatch] if the caller has made a mistake.
func (c *Codec) Decode(ctx context.Context, t event.Type, value []byte, into any) error {
	if e := c.decode(ctx, t, value, into); e != nil {
		e.Type, e.Size, e.Topic = t, len(value), topics.Name(c.cfg.Prefix, t.Category)
		return e
	}
	return nil
}

func (c *Codec) decode(ctx context.Context, t event.Type, value []byte, into any) *DecodeError {
	b := c.types.Load().of(t)
	if b == nil {
		return &DecodeError{Reason: ErrNotBound, Detail: "give it to Bind at start-up"}
	}
	v := reflect.ValueOf(into)
	if !v.IsValid() || v.Type() != b.pointer || v.IsNil() {
		return &DecodeError{Reason: ErrMismatch, Detail: fmt.Sprintf(
			"found a %T to decode into, expected a pointer to a %s", into, t.Go)}
	}
	if len(value) < headerSize {
		return &DecodeError{Reason: ErrTooShort, Detail: fmt.Sprintf(
			"expected at least %d bytes: a zero byte and a schema id", headerSize)}
	}
	if value[0] != magicByte {
		return &DecodeError{Reason: ErrMagicByte, Detail: fmt.Sprintf(
			"found 0x%02x, expected 0x%02x: it was not written in Confluent's wire format", value[0], magicByte)}
	}
	id := int(binary.BigEndian.Uint32(value[1:]))
	var d Decoder = b.schema
	if id != b.is.ID {
		var e *DecodeError
		if d, e = c.writer(ctx, b, id); e != nil {
			e.ID = id
			return e
		}
	}
	if b.leads.any(v.UnsafePointer()) {
		v.Elem().SetZero()
	}
	rest, err := d.Decode(value[headerSize:], into)
	switch {
	case err != nil:
		return &DecodeError{ID: id, Reason: ErrMalformed, Err: err}
	case len(rest) > 0:
		return &DecodeError{
			ID: id, Reason: ErrTrailingBytes,
			Detail: fmt.Sprintf("%d of them: the schema id or the bytes are damaged", len(rest)),
		}
	}
	if err := b.texts.check(v.UnsafePointer()); err != nil {
		return &DecodeError{ID: id, Reason: ErrMalformed, Err: err}
	}
	return nil
}

// writer returns the decoder of values that were written with the schema of the id.
func (c *Codec) writer(ctx context.Context, b *binding, id int) (Decoder, *DecodeError) {
	if d, ok := (*b.writers.Load())[id]; ok {
		return d, nil
	}
	if id < 1 || id > maxID {
		return nil, &DecodeError{
			Reason: ErrMalformed, Detail: "no registry gives this id; the value's bytes are damaged",
		}
	}
	text, err := c.registry.Schema(ctx, id)
	if err != nil {
		return nil, &DecodeError{Err: err}
	}
	record, err := avsc.ParseRecord(text)
	if err != nil {
		return nil, &DecodeError{Reason: ErrWrongRecord, Err: err}
	}
	if record.Name != b.record && !slices.Contains(b.aliases, record.Name) {
		return nil, &DecodeError{Reason: ErrWrongRecord, Detail: fmt.Sprintf(
			"found %s, expected %s; if it was renamed, make the old name an alias in %s",
			record.Name, b.record, b.file)}
	}
	if err := sameMeaning(record.Root, b.root); err != nil {
		return nil, &DecodeError{Reason: ErrIncompatible, Err: err}
	}
	d, err := b.schema.Resolve(text)
	switch {
	case errors.Is(err, ErrUnsupported):
		return nil, &DecodeError{Err: err}
	case err != nil:
		return nil, &DecodeError{Reason: ErrIncompatible, Err: err}
	}
	b.remember(id, d)
	return d, nil
}

// remember makes d the decoder of values of the schema with the id.
func (b *binding) remember(id int, d Decoder) {
	for {
		known := b.writers.Load()
		more := maps.Clone(*known)
		more[id] = d
		if b.writers.CompareAndSwap(known, &more) {
			return
		}
	}
}
