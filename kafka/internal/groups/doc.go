// Package groups makes subscriptions members of Kafka's consumer groups. It follows who handles
// which partition, keeps the groups' offsets, and reads the dead-letter topic meanwhile.
//
// Package delivery delivers the events, and package log reads them. Sarama's consumer group only
// says which partitions are here, and keeps the offsets. The package never fetches events with
// Sarama. [Subscribe] may be called concurrently.
package groups
