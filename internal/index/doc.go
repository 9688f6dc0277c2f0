// Package index keeps what the events of some partitions say, so that a version is checked and a
// stream is read without asking Kafka: each stream's events and version, which commands made them,
// which records do not count, and how far the index has come.
//
// The partitions are its log: an index can be thrown away and made again from there, so what is new
// is kept in memory and saved in pieces; what a crash leaves is a state it once had, with the
// checkpoint that belongs to it. It decides nothing: whoever follows a partition applies only what
// counts. One goroutine applies to a partition, any number read.
package index
