package schema

import "reflect"

// Engine is an Avro library behind a [Codec]. [Twmb] is the default, package schema/hamba has a
// second one, and package schema/schematest has the suite that both pass.
//
// Any number of goroutines may use an Engine and the values that it returns.
type Engine interface {
	// Reads returns nil if the library reads values of the writer's schema with the reader's, by
	// the rules of resolution, for every Go type. The check of changes asks it about compatible
	// schemas. It fails with [ErrUnsupported] if the library cannot do so, or would do it wrongly.
	Reads(reader, writer string) error

	// Compile prepares a schema for events of the struct type g. The schema stands by itself, and g
	// fits it. It fails with [ErrUnsupported] if the library cannot handle both, or would do so
	// wrongly.
	Compile(text string, g reflect.Type) (Compiled, error)
}

// Compiled is a schema that is ready for events of one Go type.
type Compiled interface {
	Decoder

	// AppendEncode appends the encoding of event, a pointer to a struct of the Go type, to dst. It
	// changes nothing in the event, and keeps no reference to it.
	AppendEncode(dst []byte, event any) ([]byte, error)

	// Resolve returns a decoder of values of another schema into the same Go type, by Avro's rules
	// of resolution. It fails if the rules do not allow that, and with [ErrUnsupported] if the
	// library cannot do it.
	Resolve(writer string) (Decoder, error)
}

// Decoder decodes values that were written with one schema.
type Decoder interface {
	// Decode reads one value from src into the struct that into points to, and returns the bytes
	// that follow the value. Slices, maps and pointers in the struct are nil, and Decode replaces
	// all other fields. It must neither panic nor allocate out of proportion to src, whatever src
	// holds. It keeps no reference to src.
	Decode(src []byte, into any) (rest []byte, err error)
}
