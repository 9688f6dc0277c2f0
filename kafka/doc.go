// Package kafka is the event store whose log is Apache Kafka itself: an append is a compare-and-set at the
// price of one acknowledged produce, one aggregate is read in microseconds, and the topics hold nothing but domain events.
//
// [CreateTopics] makes the topics, once; [Open] claims their partitions for this process and returns the [Store]. How that works
// and why it is right is in DESIGN.md beside this file.
//
// It never writes a transaction's data, never scans a topic to load an aggregate, and never takes silence for the end of a
// topic. A [Store] may be used by any number of goroutines.
package kafka
