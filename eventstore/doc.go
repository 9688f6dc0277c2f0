// Package eventstore says what an event store is: the [Store] interface over encoded
// records, what an append may expect, where a read may start, and the errors
// that every store answers with.
//
// It knows no event types and no encoding, and it stores nothing itself. Package
// eventstoretest holds the one suite that every implementation passes.
//
// All its types are values, safe to share as long as nobody writes to their slices and maps.
package eventstore
