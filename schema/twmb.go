package schema

import "github.com/twmb/avro"

// twmb is the engine over github.com/twmb/avro.
type twmb struct{}

type twmbSchema struct{ *avro.Schema }

var (
	_ engine   = twmb{}
	_ compiled = twmbSchema{}
)

func (twmb) parse(text string) (compiled, error) {
	s, err := avro.Parse(text)
	if err != nil {
		return nil, err
	}
	return twmbSchema{s}, nil
}

func (twmb) resolve(writer, reader compiled) (compiled, error) {
	s, err := avro.Resolve(writer.(twmbSchema).Schema, reader.(twmbSchema).Schema)
	if err != nil {
		return nil, err
	}
	return twmbSchema{s}, nil
}

func (s twmbSchema) appendEncode(dst []byte, event any) ([]byte, error) {
	return s.AppendEncode(dst, event)
}

func (s twmbSchema) decode(src []byte, into any) ([]byte, error) { return s.Decode(src, into) }

// checkBackward returns nil, or why newer cannot read what older wrote.
func checkBackward(older, newer string) error {
	w, err := avro.Parse(older)
	if err != nil {
		return err
	}
	r, err := avro.Parse(newer)
	if err != nil {
		return err
	}
	return avro.CheckCompatibility(w, r)
}

// checkText returns nil, or why text is no Avro schema that stands by itself.
func checkText(text string) error {
	_, err := avro.Parse(text)
	return err
}
