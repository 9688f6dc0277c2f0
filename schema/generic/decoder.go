package generic

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/internal/avsc"
)

// The wire format: a magic byte, a schema id, then Avro.
const (
	magicByte  = 0
	headerSize = 5
)

// Decoder decodes values by the schemas of a registry. It remembers each schema that it has met.
type Decoder struct {
	registry schema.Lookup

	mu      sync.Mutex
	writers map[int]*writer // by the schema's id
}

// writer is a schema that values were written with.
type writer struct {
	schema *avro.Schema
	root   *avro.SchemaNode
	names  avsc.Names
}

// NewDecoder returns a decoder of values whose schemas the registry has. It asks the registry when
// it meets a schema id for the first time.
func NewDecoder(registry schema.Lookup) *Decoder {
	return &Decoder{registry: registry, writers: make(map[int]*writer)}
}

// SchemaID returns the schema id that a value names. It fails with [schema.ErrTooShort] or
// [schema.ErrMagicByte] if the value is not in Confluent's wire format.
func SchemaID(value []byte) (int, error) {
	if len(value) < headerSize {
		return 0, fmt.Errorf("%w: found %d bytes, expected at least %d: a zero byte and a schema id",
			schema.ErrTooShort, len(value), headerSize)
	}
	if value[0] != magicByte {
		return 0, fmt.Errorf("%w: found 0x%02x, expected 0x%02x: it was not written in Confluent's wire format",
			schema.ErrMagicByte, value[0], magicByte)
	}
	return int(binary.BigEndian.Uint32(value[1:])), nil
}

// Decode returns the fields of the record that the value holds, in the order of its schema.
//
// It fails
//
//   - with [schema.ErrTooShort], [schema.ErrMagicByte], [schema.ErrMalformed] or
//     [schema.ErrTrailingBytes] if the value is damaged;
//   - with [schema.ErrInvalidSchema] if its schema is not that of a record;
//   - with [schema.ErrNotFound] if the registry does not have the schema;
//   - with [schema.ErrUnavailable] or another error of the registry if that did not answer.
func (d *Decoder) Decode(ctx context.Context, value []byte) (Record, error) {
	id, err := SchemaID(value)
	if err != nil {
		return Record{}, err
	}
	w, err := d.writer(ctx, id)
	if err != nil {
		return Record{}, err
	}
	var decoded any
	rest, err := w.schema.Decode(value[headerSize:], &decoded, avro.TaggedUnions())
	switch {
	case err != nil:
		return Record{}, fmt.Errorf("%w: schema id %d: %w", schema.ErrMalformed, id, err)
	case len(rest) > 0:
		return Record{}, fmt.Errorf("%w: schema id %d: %d of them: the schema id or the bytes are damaged",
			schema.ErrTrailingBytes, id, len(rest))
	}
	fields, _ := w.value(w.root, "", decoded).(Fields)
	return Record{SchemaID: id, Name: avsc.FullName(w.root), Fields: fields}, nil
}

// writer returns the schema of the id.
func (d *Decoder) writer(ctx context.Context, id int) (*writer, error) {
	d.mu.Lock()
	w := d.writers[id]
	d.mu.Unlock()
	if w != nil {
		return w, nil
	}
	if id < 1 || id > math.MaxInt32 {
		return nil, fmt.Errorf("%w: no registry gives the schema id %d; the value's bytes are damaged",
			schema.ErrMalformed, id)
	}
	text, err := d.registry.Schema(ctx, id)
	if err != nil {
		return nil, err
	}
	parsed, err := avro.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: schema id %d: %w", schema.ErrInvalidSchema, id, err)
	}
	root := parsed.Root()
	if root.Type != avsc.KindRecord {
		return nil, fmt.Errorf("%w: schema id %d is of type %q, expected a record", schema.ErrInvalidSchema, id,
			root.Type)
	}
	w = &writer{schema: parsed, root: root, names: avsc.NamesIn(root)}
	d.mu.Lock()
	d.writers[id] = w
	d.mu.Unlock()
	return w, nil
}
