package hamba

import (
	"errors"
	"io"
	"reflect"
	"sync"

	"github.com/hamba/avro/v2"

	"github.com/fencelog/fencelog/schema"
)

// maxBlock is so large that an array or a map is written as one block, as the default engine does.
const maxBlock = 1 << 30

// Engine is a [schema.Engine] over github.com/hamba/avro/v2. The zero value is ready.
type Engine struct{}

var _ schema.Engine = Engine{}

// Compile implements [schema.Engine].
func (Engine) Compile(text string, g reflect.Type) (schema.Compiled, error) {
	s, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := &compiled{schema: s, times: timesOf(g, make(map[reflect.Type]*times))}
	if err := check(s, g); err != nil {
		return nil, err
	}
	if err := checkDefaults(text); err != nil {
		return nil, err
	}
	c.decoder, err = newDecoder(s, s)
	return c, err
}

// Reads implements [schema.Engine].
func (Engine) Reads(reader, writer string) error {
	r, err := parse(reader)
	if err != nil {
		return err
	}
	if err := checkLogical(r); err != nil {
		return err
	}
	if err := checkDefaults(reader); err != nil {
		return err
	}
	_, err = (&compiled{schema: r}).Resolve(writer)
	return err
}

// parse keeps the names of one schema apart from those of all others, because the library's own
// cache is global.
func parse(text string) (avro.Schema, error) {
	return avro.ParseWithCache(text, "", &avro.SchemaCache{})
}

type compiled struct {
	*decoder

	schema avro.Schema
	times  *times // nil if there are none
}

// AppendEncode implements [schema.Compiled].
func (c *compiled) AppendEncode(dst []byte, event any) ([]byte, error) {
	if c.times != nil && !c.times.fit(reflect.ValueOf(event).Elem()) {
		return nil, errTime
	}
	value, err := c.api.Marshal(c.schema, event)
	if err != nil {
		return nil, err
	}
	if c.unbounded { // what Decode would refuse must not be stored
		if _, err := c.shape.walk(value); err != nil {
			return nil, err
		}
	}
	return append(dst, value...), nil
}

// Resolve implements [schema.Compiled].
func (c *compiled) Resolve(writer string) (schema.Decoder, error) {
	w, err := parse(writer)
	if err != nil {
		return nil, err
	}
	if err := checkResolve(w, c.schema); err != nil {
		return nil, err
	}
	resolved, err := avro.NewSchemaCompatibility().Resolve(c.schema, w)
	if err != nil {
		return nil, err
	}
	return newDecoder(resolved, w)
}

// decoder decodes values of one writer's schema. It has its own API, because the library caches
// what it compiles by a fingerprint that leaves out logical types.
type decoder struct {
	api    avro.API
	schema avro.Schema // the reader's, resolved with the writer's
	shape  *shape      // the writer's
	// unbounded: values of the writer's may be deeper or longer than a walk allows
	unbounded bool
	readers   sync.Pool // of *avro.Reader
}

func newDecoder(s, writer avro.Schema) (*decoder, error) {
	shape, unbounded, err := newShape(writer)
	if err != nil {
		return nil, err
	}
	d := &decoder{schema: s, shape: shape, unbounded: unbounded, api: avro.Config{
		BlockLength:            maxBlock,
		DisableBlockSizeHeader: true,
		MaxByteSliceSize:       -1, // the walk has bounded it by what there is
	}.Freeze()}
	d.readers.New = func() any { return avro.NewReader(nil, 0, avro.WithReaderConfig(d.api)) }
	return d, nil
}

var errDisagree = errors.New("the library read another number of bytes than the value has")

// Decode implements [schema.Decoder].
func (d *decoder) Decode(src []byte, into any) (rest []byte, err error) {
	rest, err = d.shape.walk(src)
	if err != nil {
		return nil, err
	}
	r := d.readers.Get().(*avro.Reader)
	r.Reset(src[:len(src)-len(rest)])
	r.ReadVal(d.schema, into)
	err = r.Error
	if err == nil {
		r.Peek()
		if !errors.Is(r.Error, io.EOF) {
			err = errDisagree
		}
	}
	r.Error = nil
	r.Reset(nil)
	d.readers.Put(r)
	if err != nil {
		return nil, err
	}
	return rest, nil
}
