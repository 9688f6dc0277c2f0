// Command quickstart runs account commands through Fencelog, from the command bus to the event store and back to the balances.
//
//	go run ./examples/quickstart [-v] [file|-]
//
// It reads one command as JSON from each line of the file, of standard input for "-", or of the sample that it carries, and
// shows each command, the events that it made or why it was refused, and at the end the balances:
//
//	{"command": "CreditAccount", "accountId": "alice", "transactionId": "topup-1", "entryType": "TOPUP",
//	 "amount": "100.00", "currency": "USD", "contra": "bank", "commandId": "c-1"}
//
// The events are kept in memory, unless KAFKA_BROKERS is set: then in Kafka, with SCHEMA_REGISTRY_URL as the schema registry
// and KAFKA_CLIENT_ID as the name to go by. Run it twice there, and the second run finds what the first one left.
//
// It exits with 0 if every line was understood, be its command refused; with 1 if a line was not, or
// something failed; with 2 if it was called wrongly; with 130 if it was interrupted.
package main
