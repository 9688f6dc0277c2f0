// Package groups makes subscriptions members of Kafka's consumer groups: who handles which
// partition, the groups' offsets, and what the dead-letter topic says meanwhile.
//
// Package delivery delivers the events, and package partition reads them; Sarama's consumer group
// only says which partitions are here, and keeps the offsets. The package never fetches events by
// Sarama. [Subscribe] may be called concurrently.
package groups
