// Package changetest is a matrix of changes of an event's schema, by which tests hold what
// registry.Check answers against what Avro engines and a registry do: types × types, defaults,
// aliases, unions and logical types, each in many places.
//
// Schemas, Go types, bytes and the values that a reader must get are made here by the Avro
// specification and by the definition at change.Compatibility.Check; no Avro library has a part in
// them. There is nothing random: [Cells] are the same each time.
//
// It is for tests. Nothing in it is for concurrent use but [Cells] and the methods of a [Cell].
package changetest
