package changetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing/fstest"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

const (
	aggregateType = "Suite"
	headerSize    = 5 // the zero byte and the schema id
)

// Check asks the gate for the engine whether the new schema may follow the old one.
func (c Cell) Check(ctx context.Context, e schema.Engine, level change.Compatibility) error {
	m := registry.NewMemory()
	cfg := schema.Config{Engine: e}
	if _, err := m.Register(ctx, cfg.SubjectOf(aggregateType, c.old.name), c.old.text()); err != nil {
		return err
	}
	_, err := registry.Check(ctx, m, sources(c.next), level, cfg)
	return err
}

func sources(n *node) schema.Sources {
	return schema.Sources{aggregateType: fstest.MapFS{shortName(n) + ".avsc": {Data: []byte(n.text())}}}
}

func shortName(n *node) string { return n.name[strings.LastIndexByte(n.name, '.')+1:] }

// Programs are those that write and read with an engine, one for each schema, over one registry.
type Programs struct {
	engine  schema.Engine
	schemas *registry.Memory
	byKey   map[string]*program // by schema and Go type
}

// NewPrograms returns programs with the engine.
func NewPrograms(e schema.Engine) *Programs {
	return &Programs{e, registry.NewMemory(), make(map[string]*program)}
}

// program is one with the schema n.
type program struct {
	n       *node
	codec   *schema.Codec
	typ     event.Type
	unbound error // why it does not start
	id      int   // of its schema
	values  []value
	written [][]byte
	failed  error // to write
}

// ErrNoGoType is why no program starts with a schema such as that of a union of three types.
var ErrNoGoType = errors.New("no Go type stands for it")

func (p *Programs) with(ctx context.Context, n *node) *program {
	text := n.text()
	key := text + n.goString()
	if known := p.byKey[key]; known != nil {
		return known
	}
	is := &program{n: n, values: n.values()}
	p.byKey[key] = is
	prefix := fmt.Sprint("p", len(p.byKey)) // each has another subject, so that the registry judges nothing
	registered, err := p.schemas.Register(ctx, prefix, text)
	if err != nil {
		is.unbound, is.failed = err, err
		return is
	}
	is.id = registered.ID
	is.codec, is.unbound = bind(ctx, p.schemas, prefix, p.engine, is)
	is.failed = is.write(ctx, p.schemas, prefix)
	return is
}

func bind(ctx context.Context, m *registry.Memory, prefix string, e schema.Engine, is *program) (*schema.Codec, error) {
	if !is.n.isBindable() {
		return nil, ErrNoGoType
	}
	c, err := registry.NewCodec(m, sources(is.n), schema.Config{Engine: e, Prefix: prefix})
	if err != nil {
		return nil, err
	}
	is.typ = event.Type{Category: aggregateType, Name: shortName(is.n), Go: is.n.goType()}
	return c, c.Bind(ctx, []event.Type{is.typ})
}

// write writes all values by the specification, and checks that the engine writes the same bytes.
// If the engine refuses the schema, the default engine must write the same bytes. If no Go type
// stands for the schema, no engine writes the values.
func (is *program) write(ctx context.Context, m *registry.Memory, prefix string) error {
	header := binary.BigEndian.AppendUint32([]byte{0}, uint32(is.id))
	for _, v := range is.values {
		is.written = append(is.written, is.n.encode(bytes.Clone(header), v))
	}
	codec := is.codec
	switch {
	case errors.Is(is.unbound, ErrNoGoType):
		return nil
	case errors.Is(is.unbound, schema.ErrUnsupported):
		var err error
		if codec, err = bind(ctx, m, prefix, schema.Twmb{}, is); err != nil {
			return err
		}
	case is.unbound != nil:
		return is.unbound
	}
	for i, v := range is.values {
		got, _, err := codec.Encode(ctx, is.typ, is.n.toGo(v).Interface())
		if err != nil {
			return fmt.Errorf("write %v with %s: %w", v, is.n.text(), err)
		}
		if !bytes.Equal(got, is.written[i]) {
			return fmt.Errorf("write %v with %s: found %x, expected %x", v, is.n.text(), got[headerSize:],
				is.written[i][headerSize:])
		}
	}
	return nil
}

// Outcome is what became of the values that a writer wrote.
type Outcome struct {
	Values int   // that were read
	Failed error // the first that was not, or was read as another one
	// Unbound says why no program with the reader's schema starts: no Go type stands for it, or the
	// engine refuses it.
	Unbound error
}

// Read writes values with one schema of the change, and reads them with the other. The new schema
// reads what the old one wrote. With forward it is the other way round.
func (c Cell) Read(ctx context.Context, p *Programs, forward bool) (done Outcome) {
	w, r := p.with(ctx, c.old), p.with(ctx, c.next)
	if forward {
		w, r = r, w
	}
	if r.unbound != nil {
		return Outcome{Unbound: r.unbound}
	}
	if w.failed != nil {
		return Outcome{Failed: w.failed}
	}
	for i, v := range w.values {
		into := reflect.New(r.typ.Go)
		err := r.codec.Decode(ctx, r.typ, w.written[i], into.Interface())
		if err == nil {
			err = changed("", w.n, v, r.n, r.n.fromGo(into.Elem()))
		}
		if err != nil {
			done.Failed = fmt.Errorf("value %v of %s, read with %s: %w", v, w.n.text(), r.n.text(), err)
			return done
		}
		done.Values++
	}
	return done
}
