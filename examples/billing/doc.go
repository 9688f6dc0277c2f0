// Command billing serves the billing domain over HTTP: accounts, credits and debits, over an event
// store that the environment chooses.
//
//	go run ./examples/billing
//
// It is configured by environment variables alone, which README.md lists. Without KAFKA_BROKERS the
// events are in memory, and gone when the program ends; with it they are in Kafka, and
// SCHEMA_REGISTRY_URL is needed too.
//
// It listens at once, and is ready (/readyz) when the store has caught up. On SIGTERM or Ctrl-C it
// stops to be ready, answers what it has accepted, hands its partitions over, and exits with 0. It
// exits with 1 if something failed, and with 2 if it was called wrongly.
package main
