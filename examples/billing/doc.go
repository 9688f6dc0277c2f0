// Command billing serves the billing domain over HTTP: accounts, credits and debits, over an event
// store that the environment chooses.
//
//	go run ./examples/billing
//
// Environment variables alone configure it; README.md lists them. Without KAFKA_BROKERS the events
// are in memory, and gone when the program ends. With KAFKA_BROKERS they are in Kafka, and
// SCHEMA_REGISTRY_URL is needed, too.
//
// It listens at once, and is ready (/readyz) when the store has caught up and has claimed its
// partitions. On SIGTERM or Ctrl-C it is no longer ready. It answers the requests that it has
// accepted, hands its partitions over, and ends.
//
// It exits with
//   - 0 if it was stopped;
//   - 1 if something failed;
//   - 2 if it was called wrongly.
package main
