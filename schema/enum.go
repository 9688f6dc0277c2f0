package schema

// Enum may be implemented by a string type that is stored as an Avro enum, with a value receiver.
// Then [Codec.Bind] checks that the type and its schema have the same symbols, and package
// schema/derive knows them.
type Enum interface {
	// Symbols returns the durable names of all values. A reader takes the first for every symbol
	// that is newer than the reader. Symbols is called on the zero value.
	Symbols() []string
}
