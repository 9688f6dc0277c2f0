// Command evolution shows an event that goes through three revisions, while programs of all three
// releases write and read:
//
//	go run ./examples/evolution
//
// Release 1 writes payments in whole euros. Release 2 adds an optional note, for which Avro's rules
// of resolution suffice. Release 3 counts cents. Events without cents mean something else than
// before, and an upcaster says what. Each release is deployed while the former ones go on. It
// registers its schema first, and reads everything that the others wrote. A fourth release breaks
// the rules, and the gate refuses it.
//
// Events and schemas are kept in memory, or with KAFKA_BROKERS and SCHEMA_REGISTRY_URL in Kafka and
// a schema registry.
package main
