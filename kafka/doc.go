// Package kafka is the event store whose log is Apache Kafka itself. An append is a
// compare-and-set, and it costs one acknowledged produce. One aggregate is read in microseconds.
// The topics hold nothing but domain events.
//
// Package topics makes the topics, once. [Open] reads them and returns the [Store]; [Store.Claim]
// claims their partitions for this process. DESIGN.md beside this file says how that works and why
// it is right.
//
// The rooms beside this package are
//   - connection: how a client reaches brokers;
//   - topics: which topics a store needs, and how to make them;
//   - deadletters: the events that a subscription has set aside;
//   - doctor: what is wrong with a cluster, and how to mend it;
//   - environment: a [Config] from variables;
//   - kafkatest: brokers for tests.
//
// It never writes a transaction's data, never scans a topic to load an aggregate, and never takes
// silence for the end of a topic. Any number of goroutines may use a [Store].
package kafka
