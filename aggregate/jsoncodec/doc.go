// Package jsoncodec encodes events as JSON, without a schema file and without a registry. It is for
// a first hour and for small services.
//
// Package schema can do what this package cannot:
//   - Here no schema says what an event holds. Readers in other languages must be told, and nothing
//     checks a change of an event.
//   - Here every event has revision 1. A field may come: it is zero in events that were stored
//     before. A field may go. The name and the type of a field must stay. A change of meaning takes
//     a new event type. [aggregate.Upcast] with a revision is refused; with
//     [aggregate.EveryRevision] it works.
//   - Here an event takes two to four times the bytes that it takes in Avro.
//
// It never loses a value in silence. [Codec.Bind] refuses event types that JSON cannot hold, and
// Encode refuses texts that are no UTF-8.
//
// Any number of goroutines may use a [Codec].
package jsoncodec
