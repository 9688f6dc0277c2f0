// Package event holds what every other package of this module speaks of: a
// domain event's [Header], the [Envelope] that joins it to the event itself, the
// [Cause] that travels in a context and is stamped on every event, the [Type] that
// ties a durable name to a Go struct, and the in-process [Bus].
//
// It never stores, encodes or sends anything, and it imports nothing outside
// the standard library.
//
// Headers, envelopes, causes and types are values: share them freely as long as
// nobody writes to their maps. A [Types] is immutable. A [Bus] may be used by any
// number of goroutines.
package event
