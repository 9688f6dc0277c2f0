// Package schema turns events into Avro and back. It uses the wire format of Kafka clients with a
// Schema Registry. A value is a zero byte, the schema's id in four bytes, big-endian, and the Avro
// of the event's fields.
//
// A [Codec] encodes and decodes. Its schemas are files beside the Go types that they describe, one
// for each event type. [Codec.Bind] checks at start-up that each file fits its Go type, field by
// field, and that the registry knows it. The codec decodes the values of every registered revision
// into today's Go type, by Avro's rules of resolution.
//
// The rooms beside it are for what surrounds a codec:
//
//   - schema/registry keeps schemas: over HTTP, in a folder, in memory. It registers them.
//   - schema/change checks a changed schema against the released ones.
//   - schema/derive makes the schema of a Go type, the first version of a file.
//   - schema/schematest has the checks that belong in a service's tests.
//
// The Avro library is an [Engine]: [Twmb], or that of package schema/hamba.
// adr/0001-two-avro-engines.md says what each can do and what was measured.
//
// The package never registers a schema by itself, and never guesses at bytes that it cannot read.
// It never remembers that a schema was not there, and shows no type of the Avro library below it.
//
// A Codec may be used by any number of goroutines.
package schema
