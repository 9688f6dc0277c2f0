// Package changetest is a matrix of changes of an event's schema. Tests compare the answers of
// registry.Check to them with those of Avro engines and of a registry. The changes are types ×
// types, defaults, aliases, unions and logical types, each in many places.
//
// The package makes schemas, Go types, bytes, and the values that a reader must get. It goes by the
// Avro specification and by the definition at change.Compatibility.Check, and no Avro library has a
// part in them. There is nothing random: [Cells] are the same each time.
//
// It is for tests. Nothing in it is for concurrent use but [Cells] and the methods of a [Cell].
package changetest
