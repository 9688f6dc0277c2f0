// Package kafka is the event store whose log is Apache Kafka itself: an append is a compare-and-set
// at the price of one acknowledged produce, one aggregate is read in microseconds, and the topics
// hold nothing but domain events.
//
// Package topics makes the topics, once. [Open] reads them and returns the [Store]; [Store.Claim]
// claims their partitions for this process. DESIGN.md beside this file says how that works and why
// it is right.
//
// The rooms beside it: connection (how a client reaches brokers), topics, doctor (what is wrong,
// and how to mend it), environment (a [Config] from variables), kafkatest (brokers for tests).
//
// It never writes a transaction's data, never scans a topic to load an aggregate, and never takes
// silence for the end of a topic. A [Store] may be used by any number of goroutines.
package kafka
