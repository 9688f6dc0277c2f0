// Command doctor looks at everything that a billing service needs, from where it will run and with
// its environment, and says of each thing whether it is as it must be, what is wrong, and how to
// mend it:
//
//	KAFKA_BROKERS=localhost:9092 SCHEMA_REGISTRY_URL=http://localhost:8081 go run ./examples/infrastructure/doctor
//
// It looks at the variables, the brokers, the cluster, the topics and their settings, the
// permissions, the folder of the index, the schema registry and the schemas in it, and the clock.
// With BILLING_ADVERTISE, which makes an instance share its work, it looks at the permission that
// this takes, too. It changes nothing. -json prints the findings for programs.
//
// It exits with 0 if nothing is wrong (warnings may be), with 1 if something is, with 2 if it was
// called wrongly.
package main
