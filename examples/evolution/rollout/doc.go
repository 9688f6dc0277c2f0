// Command rollout is one instance of a service in one of its two releases. Its test runs both
// beside each other, as during the deployment of the second:
//
//	go build ./examples/evolution/rollout                  # release 1 knows PaymentReceived
//	go build -tags release2 ./examples/evolution/rollout   # release 2 gives that a note, and knows PaymentRefunded too
//
// An instance handles the events of all tills with a consumer group that all instances share, and
// says what it handles. With -claim it also takes the partitions, and obeys the lines of its input:
// "pay <till>", "refund <till>". It ends with its input.
//
// An event whose type an instance does not know waits there, and the instance says that it waits.
// It is handled as soon as an instance of the other release has its partition.
//
// KAFKA_BROKERS and SCHEMA_REGISTRY_URL say where the events and their schemas are.
package main
