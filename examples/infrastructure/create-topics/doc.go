// Command create-topics creates the Kafka topics of the billing services, a deployment step that
// comes before the first service starts:
//
//	KAFKA_BROKERS=localhost:9092,localhost:9093,localhost:9094 go run ./examples/infrastructure/create-topics
//
// It creates what is missing, changes nothing that exists, and shows all topics. So it may be
// repeated, and tells whether a cluster is as it must be. KAFKA_TOPIC_PREFIX begins the topics'
// names; kafka/connection/SECURITY.md lists the other variables.
//
// The step after it is register-schemas.
//
// It exits with 0 if all is as it must be, with 1 if a topic differs or something failed, with 2 if
// it was called wrongly.
package main
