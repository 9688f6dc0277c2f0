package schema

import "reflect"

// Engine is an Avro library. A [Codec] knows no other, and shows none of its types: [Twmb] is the default, package
// schema/hamba has a second one, and package schema/schematest the suite that both pass.
//
// An Engine and what it returns may be used by any number of goroutines.
type Engine interface {
	// Reads returns nil if values that were written with one schema are read with the other as the rules of resolution say, whatever the Go
	// type, or why not: [ErrUnsupported] if it is the library that cannot, or would do it wrongly. [Check] asks it about schemas that are compatible.
	Reads(reader, writer string) error

	// Compile prepares a schema, which stands by itself, for events of the struct type g, which fits it.
	// It fails with [ErrUnsupported] if the library cannot do what they ask for, or would do it wrongly.
	Compile(text string, g reflect.Type) (Compiled, error)
}

// Compiled is a schema that is ready for events of one Go type.
type Compiled interface {
	Decoder

	// AppendEncode appends the encoding of event, a pointer to a struct of the Go type, to dst. It
	// changes nothing that event leads to, and keeps no reference to it.
	AppendEncode(dst []byte, event any) ([]byte, error)

	// Resolve returns what decodes values written with another schema into the same Go type, by Avro's rules of
	// resolution; or why it cannot: [ErrUnsupported] if it is the library that cannot.
	Resolve(writer string) (Decoder, error)
}

// Decoder decodes values that were written with one schema.
type Decoder interface {
	// Decode reads one value from src into the struct that into points to, in which slices, maps and pointers are nil and all else is
	// to be replaced, and returns what follows the value. It must neither panic nor allocate out of proportion to src, whatever src
	// holds, and keeps no reference to it.
	Decode(src []byte, into any) (rest []byte, err error)
}
