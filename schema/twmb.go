package schema

import (
	"reflect"

	"github.com/twmb/avro"
)

// Twmb is the default [Engine], over github.com/twmb/avro.
type Twmb struct{}

type twmbSchema struct{ *avro.Schema }

var (
	_ Engine   = Twmb{}
	_ Compiled = twmbSchema{}
)

// Compile implements [Engine].
func (Twmb) Compile(text string, _ reflect.Type) (Compiled, error) {
	s, err := avro.Parse(text)
	if err != nil {
		return nil, err
	}
	return twmbSchema{s}, nil
}

// Reads implements [Engine].
func (Twmb) Reads(reader, writer string) error {
	s, err := avro.Parse(reader)
	if err == nil {
		_, err = twmbSchema{s}.Resolve(writer)
	}
	return err
}

// AppendEncode implements [Compiled].
func (s twmbSchema) AppendEncode(dst []byte, event any) ([]byte, error) {
	return s.Schema.AppendEncode(dst, event)
}

// Decode implements [Decoder].
func (s twmbSchema) Decode(src []byte, into any) ([]byte, error) { return s.Schema.Decode(src, into) }

// Resolve implements [Compiled].
func (s twmbSchema) Resolve(writer string) (Decoder, error) {
	w, err := avro.Parse(writer)
	if err != nil {
		return nil, err
	}
	r, err := avro.Resolve(w, s.Schema)
	if err != nil {
		return nil, err
	}
	return twmbSchema{r}, nil
}
