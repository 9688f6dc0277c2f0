// Package aggregate turns streams into aggregates and decisions into commits.
//
// An aggregate is a plain Go struct, its state. An event of it is a plain struct with two methods: EventType, its
// durable name, and Apply, what it does to the state. A decision is a pure function from a state to events or a refusal.
// [NewType] lists the events of an aggregate type once; a [Repository] loads an aggregate, lets it
// decide, and appends what it decided, again and again until no one came between.
//
// It never encodes anything itself (a [Codec] does) and knows no particular store. A [Type] is
// immutable; a [Repository] may be used by any number of goroutines; a [Root] by one at a time.
package aggregate
