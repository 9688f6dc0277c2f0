// Package schema turns events into Avro and back, in the wire format that Kafka clients with a Schema
// Registry read: a zero byte, the schema's id in four bytes, big-endian, and the Avro of the event's own fields.
//
// A [Codec] does the turning. Its schemas are files, one per event type, kept beside the Go
// types they describe; [Codec.Bind] checks at start-up that both agree, field by field, and that
// the registry knows each of them. What any registered revision of a schema wrote is decoded into today's
// Go type by Avro's rules of resolution.
//
// A [Registry] gives schemas their ids: [Memory] within this process, [HTTP] over the REST protocol of
// Confluent's registry, which Apicurio, Karapace and Redpanda speak too. Subjects are named by
// the strategy called TopicRecordNameStrategy, see [Subject].
//
// The package never registers a schema unless [Config].Register asks for it, never guesses at bytes
// it cannot read, never remembers that a schema was not there, and shows no type of the Avro
// and registry libraries below it. Errors never carry credentials.
//
// Codec, Memory and HTTP may be used by any number of goroutines.
package schema
