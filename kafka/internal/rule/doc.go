// Package rule is the reader rule: which records of a partition count. A [Follower] reads the log
// on from where the index stands and applies what counts. With each new connection it checks that
// the log still is the one that the index was made from. kafka/DESIGN.md says under "The reader
// rule" and "The log is checked" why that is right.
//
// It writes nothing to the log, and does not know who owns the partition: a [Watcher] may find out.
//
// A [Follower] is used by one goroutine at a time.
package rule
