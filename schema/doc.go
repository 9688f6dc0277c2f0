// Package schema turns events into Avro and back, in the wire format that Kafka clients with a Schema
// Registry read: a zero byte, the schema's id in four bytes, big-endian, and the Avro of the event's own fields.
//
// A [Codec] does the turning. Its schemas are files, one per event type, kept beside the Go
// types they describe; [Codec.Bind] checks at start-up that both agree, field by field, and that
// the registry knows each of them. What any registered revision of a schema wrote is decoded into today's
// Go type by Avro's rules of resolution. [Derive] makes the first version of such a file, and [CheckDerived] holds it to the Go type.
//
// A [Registry] gives schemas their ids: [Memory] within this process, [Folder] in files under version control, [HTTP]
// over the REST protocol of Confluent's registry; it is tested against Apicurio, and not tried with Karapace and Redpanda, which speak it too. Subjects are
// named by a [SubjectStrategy].
//
// The Avro library is an [Engine]: [Twmb], or that of package schema/hamba. adr/0001-two-avro-engines.md says what each can do
// and what was measured.
//
// The package never registers a schema unless [Register] or [Config].Register asks for it, never guesses at bytes
// it cannot read, never remembers that a schema was not there, and shows no type of the Avro
// and registry libraries below it. Errors never carry credentials.
//
// Codec, Memory, Folder and HTTP may be used by any number of goroutines.
package schema
