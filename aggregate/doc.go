// Package aggregate turns streams into aggregates and decisions into commits.
//
// An aggregate is a plain Go struct, its state. An event of it is a plain struct with two methods.
// EventType returns its durable name, and Apply changes the state. A decision is a pure function
// from a state to events or a refusal. [NewType] lists the event types of a category once. A
// [Repository] loads an aggregate, lets it decide, and appends what it decided. If another commit
// came between, it does so again. A decision over several aggregates of one partition key gets a
// [Group] of them; see [Repository.UpdateAll].
//
// The package never encodes anything itself (a [Codec] does) and knows no particular store. A
// [Type] is immutable. Any number of goroutines may use a [Repository], and one at a time may use a
// [Root].
package aggregate
