// Package generic decodes the values of events without their Go types, for tools that show events:
// [Decoder]. It reads Confluent's wire format, and decodes a value by the schema that it was
// written with, which a registry has.
//
// The package never encodes, never resolves a value into another schema, and never guesses: bytes
// that it cannot read are an error. A service decodes its events with package schema.
//
// A [Decoder] may be used by any number of goroutines.
package generic
