// Command evolution shows an event that goes through three revisions, while programs of all three releases write and read:
//
//	go run ./examples/evolution
//
// Release 1 writes payments in whole euros. Release 2 adds an optional note: Avro's rules of resolution are all it takes. Release 3
// counts cents, so an amount without any means something else than before, and an upcaster says what. Each release is
// deployed while the former ones go on, registers its schema first, and reads whatever the others wrote. What a fourth
// release must not do the gate refuses.
//
// Events and schemas are kept in memory, or with KAFKA_BROKERS and SCHEMA_REGISTRY_URL in Kafka and a schema registry.
package main
