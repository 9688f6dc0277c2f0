// Command dead-letters looks after the events that handlers of the billing services could not get
// done:
//
//	export KAFKA_BROKERS=localhost:9092,localhost:9093,localhost:9094
//	go run ./examples/infrastructure/dead-letters list [handler]
//	go run ./examples/infrastructure/dead-letters show <id>
//	go run ./examples/infrastructure/dead-letters redrive <id> <reason>
//	go run ./examples/infrastructure/dead-letters discard <id> <reason>
//
// An id is what list shows: handler/topic/partition/offset. redrive asks the service that runs the
// handler to try all letters of the key again, in order; discard gives one event up for this
// handler, and what waited behind it goes on. Both are kept in the topic with their reason.
// KAFKA_CLIENT_ID is the name that it goes by.
//
// It exits with 0 if it did what it was asked, with 1 if something failed, with 2 if it was called
// wrongly.
package main
