// Package topics makes and checks the Kafka topics of a configuration: one for each category of
// aggregates, and one for dead letters.
//
// [Create] makes the topics, once, before a service starts. [Check] compares them with what they
// must be. [Watch] does so again and again while a store runs.
//
// The package never reads events, and never changes a topic that exists. All functions may be
// called by any number of goroutines.
package topics
