// Command register-schemas registers the schemas of the billing events, a deployment step that
// comes before the first service that writes them; the services themselves register nothing.
//
//	SCHEMA_REGISTRY_URL=http://localhost:8081 go run ./examples/infrastructure/register-schemas
//	go run ./examples/infrastructure/register-schemas -folder schemas
//
// It first checks that each schema file is its event's latest released revision, and that it gets
// along with all revisions that were released, in this tree and in the registry. Then it registers
// what is missing, the oldest revision first, and shows all. It may be repeated. With -check it
// registers nothing, which tells whether a change can be deployed.
//
// The registry is the one at SCHEMA_REGISTRY_URL, or with -folder a folder of files. The topics,
// which the subjects are named after, are those of create-topics: KAFKA_TOPIC_PREFIX begins their
// names.
//
// It exits with 0 if all is registered, or can be, with 1 if a schema is incompatible or not
// released or something failed, with 2 if it was called wrongly.
package main
