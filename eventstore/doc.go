// Package eventstore says what an event store is. It holds
//   - the [Store] interface over encoded records;
//   - [Commit], [Expectation] and [Result]: what an append takes, expects and returns;
//   - [Answer]: what is returned for each commit of a list;
//   - [Start] and [Cursor]: where a read of a category starts;
//   - the errors and the limits that all stores share.
//
// It knows no event types and no encoding, and it stores nothing itself. Package eventstoretest
// holds the one suite that every implementation passes.
//
// All its types are values. Goroutines may share them as long as nobody writes to their slices and
// maps.
package eventstore
