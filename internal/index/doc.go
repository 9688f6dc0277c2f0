// Package index keeps what the events of some partitions say. So a version is checked, and a stream
// is read, without a request to the log. An index knows each stream's events and version, which
// commands made them, which records do not count, and how far it has come.
//
// The partitions are the log of an index: it can be thrown away, and made again from there. So it
// keeps what is new in memory, and saves it in pieces. A crash leaves the index in a state that it
// once had, with the checkpoint of that state.
//
// The package never decides what counts: its caller follows a partition, and applies only what
// counts. One goroutine applies changes to a partition, and any number read it.
package index
