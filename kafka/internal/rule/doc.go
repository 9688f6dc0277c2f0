// Package rule is the reader rule: which records of a partition count. A [Follower] reads the log
// on from the index's checkpoint, and applies the records that count. With each new connection it
// checks that the index was made from this log. kafka/DESIGN.md says under "The reader rule" and
// "The log is checked" why that is right.
//
// It writes nothing to the log. It does not know who owns the partition: a [Watcher] may find out.
//
// A [Follower] is used by one goroutine at a time.
package rule
