// Package memory is the reference implementation of [eventstore.Store]: everything is kept in this
// process, and gone with it. It is meant for tests, examples and first steps, and it is the
// yardstick for the stores that last.
//
// It behaves as a store on Kafka does: it holds the categories that it is given, a category has partitions, a
// stream lives in one of them by a hash of its aggregate id, and each partition counts its own offsets, with gaps
// now and then. Times of events never go back within a partition.
//
// It serves subscriptions as Kafka does: members of a group share the partitions, and what a handler
// cannot handle is set aside. The offsets of groups and the dead letters are in memory, too.
//
// It never blocks a writer on a reader and does no I/O. It starts no goroutines but those of
// subscriptions. A [Store] may be used by any number of goroutines.
package memory
