// Package partition is the mechanism that makes one Kafka partition an event store: claim it, follow it under
// the reader rule, and append to it as a compare-and-set. kafka/DESIGN.md says why it is right; the
// invariants it numbers are named here above the code that keeps them.
//
// It knows nothing of categories, topics' settings or event types. An [Owner] may be used by any number of
// goroutines; one goroutine of its own does all the writing.
package partition
