package schema

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/internal/topics"
)

// DefaultPrefix is the prefix of topic names, and so of subjects, unless [Config] says otherwise.
const DefaultPrefix = topics.DefaultPrefix

// The wire format: a magic byte, a schema id, then Avro.
const (
	magicByte  = 0
	headerSize = 5
	maxID      = math.MaxInt32 // ids are Java ints in every registry
)

// Sources are the schema files: for each durable name of an aggregate type a file system that holds
// "<EventType>.avsc" for each of its event types, usually embedded in the program. Such a file is the schema of a record
// whose name is that of the event type, in a namespace, and stands by itself.
type Sources map[string]fs.FS

// Config configures a [Codec]; every field may be left zero.
type Config struct {
	// Prefix of the topics' names, which are part of the subjects; the same as the store's.
	// Default: [DefaultPrefix].
	Prefix string

	// Register makes Bind register the schemas that the registry does not know. It is for
	// development and for the deployment step that registers; a service in production leaves it
	// false, and does not start before that step was made. Default: false, such a schema is an error.
	Register bool
}

// Codec encodes events as Avro in Confluent's wire format. It is what package aggregate asks of a codec.
type Codec struct {
	registry Registry
	sources  Sources
	cfg      Config
	engine   engine

	// types is replaced as a whole, so that encoding and decoding take no lock.
	types atomic.Pointer[bindings]
	binds sync.Mutex // held while types is replaced
}

// bindings holds the binding of each type by its Go type, which is much faster to look up than two names. Of
// a Go type that is bound under several names it holds one, which leads to the others.
type bindings map[reflect.Type]*binding

func (all bindings) of(t event.Type) *binding {
	b := all[t.Go]
	for b != nil && b.Type != t {
		b = b.next
	}
	return b
}

// binding is an event type with its schema.
type binding struct {
	event.Type
	next    *binding // another name of the same Go type
	file    string
	record  string   // full name
	aliases []string // full names
	text    string
	schema  compiled
	is      Registered

	size    atomic.Int64 // of the last value encoded, the best guess at the next one's
	holders sync.Pool    // of pointers to Type.Go

	// writers has the schemas that other revisions were written with, by id; it grows by one for each
	// revision that is met, and is replaced as a whole.
	writers atomic.Pointer[map[int]compiled]
}

// NewCodec returns a codec of the schemas in sources. It neither reads them nor asks the
// registry; Bind does.
func NewCodec(registry Registry, sources Sources, cfg Config) (*Codec, error) {
	var mistakes []error
	if registry == nil {
		mistakes = append(mistakes, errors.New("no registry given; schema.NewMemory() makes one without a server"))
	}
	for aggregate, files := range sources {
		if files == nil {
			mistakes = append(mistakes, fmt.Errorf("the source of aggregate type %q is nil; give the file system with its .avsc files", aggregate))
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("schema codec: %w", err)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	c := &Codec{registry: registry, sources: sources, cfg: cfg, engine: twmb{}}
	c.types.Store(&bindings{})
	return c, nil
}

// Encode returns the event, a value of t.Go, in the wire format, and the version that its schema has under its
// subject. Errors are *[EncodeError].
func (c *Codec) Encode(_ context.Context, t event.Type, e any) (value []byte, revision int, err error) {
	b := c.types.Load().of(t)
	if b == nil {
		return nil, 0, &EncodeError{Type: t, Reason: ErrNotBound, Detail: "give it to Bind at start-up"}
	}
	v := reflect.ValueOf(e)
	if !v.IsValid() || v.Type() != t.Go {
		return nil, 0, &EncodeError{Type: t, Reason: ErrMismatch, Detail: fmt.Sprintf("found a %T, expected a %s", e, t.Go)}
	}
	value = make([]byte, headerSize, headerSize+b.size.Load())
	value[0] = magicByte
	binary.BigEndian.PutUint32(value[1:], uint32(b.is.ID))
	// The library is several times faster with a pointer, and v cannot be pointed to.
	holder := b.holders.Get()
	held := reflect.ValueOf(holder).Elem()
	held.Set(v)
	value, err = b.schema.appendEncode(value, holder)
	held.SetZero()
	b.holders.Put(holder)
	if err != nil {
		return nil, 0, &EncodeError{Type: t, Reason: ErrMismatch, Err: err}
	}
	b.size.Store(int64(len(value) - headerSize))
	return value, b.is.Version, nil
}

// Decode reads a value that was encoded with any registered revision of the type's schema into the event that into,
// a pointer to a t.Go, points to. A field that the value does not have gets the schema's default.
//
// Errors are *[DecodeError]. [ErrTooShort], [ErrMagicByte], [ErrMalformed], [ErrTrailingBytes] and [ErrWrongRecord] are of
// the value, and [ErrIncompatible] of the revision, which this program is too old or too new for; they
// stay. [ErrNotFound] is an id that the registry does not know; [ErrUnavailable] may pass.
func (c *Codec) Decode(ctx context.Context, t event.Type, value []byte, into any) error {
	b := c.types.Load().of(t)
	e := DecodeError{Type: t, Size: len(value)}
	if b == nil {
		e.Detail = "give it to Bind at start-up"
		return e.because(ErrNotBound, nil)
	}
	if v := reflect.ValueOf(into); !v.IsValid() || v.Type().Kind() != reflect.Pointer || v.Type().Elem() != t.Go || v.IsNil() {
		e.Detail = fmt.Sprintf("found a %T to decode into, expected a pointer to a %s", into, t.Go)
		return e.because(ErrMismatch, nil)
	}
	if len(value) < headerSize {
		e.Detail = fmt.Sprintf("expected at least %d bytes: a zero byte and a schema id", headerSize)
		return e.because(ErrTooShort, nil)
	}
	if value[0] != magicByte {
		e.Detail = fmt.Sprintf("found 0x%02x, expected 0x%02x: it was not written in Confluent's wire format", value[0], magicByte)
		return e.because(ErrMagicByte, nil)
	}
	e.ID = int(binary.BigEndian.Uint32(value[1:]))
	s := b.schema
	if e.ID != b.is.ID {
		var err error
		if s, err = c.writer(ctx, b, &e); err != nil {
			return err
		}
	}
	rest, err := s.decode(value[headerSize:], into)
	if err != nil {
		return e.because(ErrMalformed, err)
	}
	if len(rest) > 0 {
		e.Detail = fmt.Sprintf("%d of them: the schema id or the bytes are damaged", len(rest))
		return e.because(ErrTrailingBytes, nil)
	}
	return nil
}

// writer returns what decodes values written with the schema of id e.ID.
func (c *Codec) writer(ctx context.Context, b *binding, e *DecodeError) (compiled, error) {
	if s, ok := (*b.writers.Load())[e.ID]; ok {
		return s, nil
	}
	if e.ID < 1 || e.ID > maxID {
		e.Detail = "no registry gives this id; the value's bytes are damaged"
		return nil, e.because(ErrNotFound, nil)
	}
	text, err := c.registry.Schema(ctx, e.ID)
	if err != nil {
		return nil, e.because(nil, err)
	}
	record, err := parseRecord(text)
	if err != nil {
		return nil, e.because(ErrWrongRecord, err)
	}
	if record.name != b.record && !slices.Contains(b.aliases, record.name) {
		e.Detail = fmt.Sprintf("found %s, expected %s; if it was renamed, make the old name an alias in %s", record.name, b.record, b.file)
		return nil, e.because(ErrWrongRecord, nil)
	}
	w, err := c.engine.parse(text)
	if err != nil {
		return nil, e.because(ErrInvalidSchema, err)
	}
	s, err := c.engine.resolve(w, b.schema)
	if err != nil {
		return nil, e.because(ErrIncompatible, err)
	}
	b.remember(e.ID, s)
	return s, nil
}

// remember makes s what decodes values of the schema with the id.
func (b *binding) remember(id int, s compiled) {
	for {
		known := b.writers.Load()
		more := maps.Clone(*known)
		more[id] = s
		if b.writers.CompareAndSwap(known, &more) {
			return
		}
	}
}
