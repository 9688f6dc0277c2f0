// Package event holds the words that all other packages of this module share:
//   - [Header] is all that is known of a domain event beside its own fields.
//   - [Envelope] and [Stored] join a header to its event.
//   - [Cause] travels in a context and is stamped on every event.
//   - [Type] ties a durable name to a Go struct.
//   - [Bus] hands events to handlers of this process.
//
// It never stores, encodes or sends anything, and it imports nothing outside the standard library.
//
// Headers, envelopes, causes and types are values: share them freely as long as nobody writes to
// their maps. A [Types] is immutable. Any number of goroutines may use a [Bus].
package event
