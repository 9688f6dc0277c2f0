// Package memory is the reference implementation of [eventstore.Store]. It keeps everything in this
// process, and all is gone when the process ends. It is for tests, examples and first steps. It is
// also the yardstick for the stores that last.
//
// It behaves as a store on Kafka does:
//   - It holds the categories that it is given, and a category has partitions.
//   - A stream lives in one partition, by a hash of its partition key.
//   - Each partition counts its offsets by itself, with gaps now and then.
//   - Times of events never go back within a partition.
//
// It serves subscriptions as Kafka does: members of a group share the partitions, and what a
// handler cannot handle is set aside. The offsets of groups and the dead letters are in memory,
// too.
//
// It never blocks a writer on a reader and does no I/O. It starts no goroutines but those of
// subscriptions. Any number of goroutines may use a [Store].
package memory
