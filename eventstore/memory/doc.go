// Package memory is the reference implementation of [eventstore.Store]: everything is kept in this
// process, and gone with it. It is meant for tests, examples and first steps, and it is the
// yardstick for the stores that last.
//
// It behaves as a store on Kafka does: it holds the categories that it is given, a category has partitions, a
// stream lives in one of them by a hash of its aggregate id, and each partition counts its own offsets, with gaps
// now and then. Times of events never go back within a partition.
//
// It never blocks a writer on a reader, starts no goroutine and does no I/O. A [Store] may be used by
// any number of goroutines.
package memory
