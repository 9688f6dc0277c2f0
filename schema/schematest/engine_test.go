package schematest_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/schematest"
)

func TestTwmb(t *testing.T) { //nolint:paralleltest // the suite measures
	schematest.TestEngine(t, schema.Twmb{}, nil)
}

func FuzzTwmb(f *testing.F) { schematest.FuzzEngine(f, schema.Twmb{}) }

// broken is the default engine with one fault.
type broken struct {
	decode  func(d schema.Decoder, src []byte, into any) ([]byte, error)
	encode  func(dst []byte, event any, err error) ([]byte, error)
	resolve func(writer string) string
}

type brokenSchema struct {
	schema.Compiled
	broken
}

type brokenDecoder struct {
	schema.Decoder
	broken
}

func (b broken) Reads(reader, writer string) error { return schema.Twmb{}.Reads(reader, writer) }

func (b broken) Compile(text string, g reflect.Type) (schema.Compiled, error) {
	c, err := schema.Twmb{}.Compile(text, g)
	return brokenSchema{c, b}, err
}

func (s brokenSchema) AppendEncode(dst []byte, event any) ([]byte, error) {
	value, err := s.Compiled.AppendEncode(dst, event)
	if s.encode != nil {
		return s.encode(value, event, err)
	}
	return value, err
}

func (s brokenSchema) Resolve(writer string) (schema.Decoder, error) {
	if s.resolve != nil {
		writer = s.resolve(writer)
	}
	d, err := s.Compiled.Resolve(writer)
	return brokenDecoder{d, s.broken}, err
}

func (s brokenSchema) Decode(src []byte, into any) ([]byte, error) {
	return brokenDecoder{s.Compiled, s.broken}.Decode(src, into)
}

func (d brokenDecoder) Decode(src []byte, into any) ([]byte, error) {
	if d.decode != nil {
		return d.decode(d.Decoder, src, into)
	}
	return d.Decoder.Decode(src, into)
}

func TestSuiteCatchesBrokenEngines(t *testing.T) { //nolint:paralleltest // the suite measures
	for name, test := range map[string]struct {
		engine broken
		fails  []string // some of the cases that it must fail
	}{
		"takes a value that is cut short": {broken{decode: func(d schema.Decoder, src []byte, into any) ([]byte,
			error,
		) {
			rest, err := d.Decode(append(src[:len(src):len(src)], make([]byte, 8)...), into)
			return rest[:max(0, len(rest)-8)], err
		}}, []string{"double, infinite", "string", "adds a long with default"}},
		"takes what follows the value": {broken{decode: func(d schema.Decoder, src []byte, into any) ([]byte, error) {
			_, err := d.Decode(src, into)
			return nil, err
		}}, []string{"boolean", "promotes int to long"}},
		"allocates what a value claims": {broken{decode: func(d schema.Decoder, src []byte, into any) ([]byte, error) {
			rest, err := d.Decode(src, into)
			if err != nil {
				err = errors.New(string(make([]byte, 2<<20))[:1])
			}
			return rest, err
		}}, []string{"hostile bytes: a huge count in list", "hostile bytes of an old revision: " +
			"a count of ten million in nulls"}},
		"repeats the value in its error": {broken{decode: func(d schema.Decoder, src []byte, into any) ([]byte, error) {
			rest, err := d.Decode(src, into)
			if err != nil {
				err = errors.New(strings.Repeat("x", 10_000))
			}
			return rest, err
		}}, []string{"hostile bytes: records within records", "hostile bytes: a huge length in text"}},
		"decodes nothing": {broken{decode: func(schema.Decoder, []byte, any) ([]byte, error) {
			return nil, nil
		}}, []string{"long, in an int", "enum with default", "renames by alias, reorders and widens"}},
		"encodes what it cannot": {broken{encode: func(dst []byte, _ any, err error) ([]byte, error) {
			if err != nil {
				dst = append(make([]byte, 5), 0)
			}
			return dst, nil
		}}, []string{"encodes no unknown symbol", "encodes no symbol that is empty"}},
		"forgets the default of an enum": {broken{resolve: func(writer string) string {
			return strings.ReplaceAll(writer, `"BLUE"`, `"RED2"`)
		}}, []string{"reads symbols by name"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range test.fails {
				require.NoError(t, schematest.RunCase(t.Context(), broken{}, c))
				require.Error(t, schematest.RunCase(t.Context(), test.engine, c), c)
			}
		})
	}
}
