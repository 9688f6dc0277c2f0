// Package topics makes and checks the Kafka topics of a configuration: one for each category of
// aggregates, and one for dead letters.
//
// [Create] makes the topics, once, before a service starts. [Check] compares them with what they
// must be. A store compares them again and again while it runs: see TopicHealth in package kafka.
//
// The package never reads events, and never changes a topic that exists. All functions may be
// called by any number of goroutines.
package topics
