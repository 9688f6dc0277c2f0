// Package partition is this process's part in one Kafka partition, and makes the partition an event
// store. The process owns the partition (package owner), or it follows what the owner writes
// (package rule). It can change from one role to the other. kafka/DESIGN.md says why that is right.
// The rooms below name its invariants above the code that keeps them.
//
// It knows nothing of categories, topics' settings or event types, and it talks to brokers only
// through the rooms below.
//
// The methods of a [Partition] may be called by any number of goroutines.
package partition
