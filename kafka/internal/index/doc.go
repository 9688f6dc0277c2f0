// Package index keeps what the events of one partition say, so that a version is checked and a stream is read
// without asking Kafka: the events in order, where each stream's are, and which commands made them.
//
// The partition is its log: an index can be thrown away and made again from there. It decides nothing; whoever
// follows the partition applies only what counts. One goroutine applies, any number read.
package index
