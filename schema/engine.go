package schema

// engine is an Avro library. The codec knows no other, so a second one needs no change to it.
type engine interface {
	// parse compiles a schema, which must stand by itself.
	parse(text string) (compiled, error)

	// resolve returns a schema that decodes what was encoded with writer into values of reader's shape, or
	// why reader cannot read writer's data. Both come from parse of this engine.
	resolve(writer, reader compiled) (compiled, error)
}

// compiled is a schema ready for use, by any number of goroutines.
type compiled interface {
	// appendEncode appends the encoding of event, a pointer to a struct, to dst.
	appendEncode(dst []byte, event any) ([]byte, error)

	// decode reads one value from src into the struct that into points to and returns what follows it.
	// It must neither panic nor allocate out of proportion to src, whatever src holds.
	decode(src []byte, into any) (rest []byte, err error)
}
