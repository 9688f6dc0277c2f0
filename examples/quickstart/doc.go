// Command quickstart runs account commands through Fencelog, from the command bus to the event
// store and back to the balances.
//
//	go run ./examples/quickstart [-v] [file|-]
//
// It reads one command as JSON from each line of the file, of standard input for "-", or of the
// sample that it carries. It shows each command with the events that it made, or with the reason of
// its refusal. At the end it shows the balances. A line looks like this:
//
//	{"command": "CreditAccount", "accountId": "alice", "transactionId": "topup-1", "entryType": "TOPUP",
//	 "amount": "100.00", "currency": "USD", "contra": "bank", "actor": "user-1"}
//
// The id of a credit or a debit is its transactionId. A CreateAccount may have a commandId. A
// command with an id is applied once to an account, however often the program reads it.
//
// The program keeps the events in memory or, if KAFKA_BROKERS is set, in Kafka. Then
// SCHEMA_REGISTRY_URL is the schema registry, and KAFKA_CLIENT_ID the name of the client. A second
// run on Kafka finds the events of the first one.
//
// It exits with
//   - 0 if it understood every line, even if a command was refused;
//   - 1 if it did not understand a line, or something failed;
//   - 2 if it was called wrongly;
//   - 130 if it was interrupted.
package main
