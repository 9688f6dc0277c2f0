// Package jsoncodec encodes events as JSON: no schema file and no registry, for a first hour and for small services.
//
// What it gives up beside package schema:
//   - No schema says what an event holds. Readers in other languages must be told, and nothing checks a change of an event.
//   - Every event has revision 1. A field may come, with its zero value in events that were stored before. A field may
//     go. Its name and type must stay. A change of meaning takes a new event type: [aggregate.Upcast] with
//     a revision is refused, with [aggregate.EveryRevision] it works.
//   - An event takes two to four times the bytes that it takes in Avro.
//
// It never loses a value in silence. [Codec.Bind] refuses event types that JSON cannot hold, and Encode refuses texts
// that are no UTF-8.
//
// A [Codec] may be used by any number of goroutines.
package jsoncodec
