// Package measure measures what the Kafka store costs, and what it could cost. The same events go,
// turn by turn,
//   - through this store;
//   - through prebuilt batches that nothing checks;
//   - through Sarama's own producers;
//   - into a table of PostgreSQL.
//
// The package starts three real brokers and one database server on this machine, and stops them
// again.
//
// In the cases of bulk, a few callers append lists of commits.
//
// In the cases of transfers, callers move money between two accounts of a ledger. Each decides on
// both balances. In PostgreSQL, a procedure does so.
//
// In the cases of commands, callers send commands of the billing domain's accounts. Each goes
// through command bus, repository, Avro and store. In PostgreSQL, a function does the same work.
//
// A [Report] has a table for each case, with the spread over the rounds. It says of each goal
// whether it was met, and by how much it was missed. Afterwards the package counts each contender's
// topic or table. If a contender did not store what was acknowledged, the run fails. It also fails
// if balances do not add up.
//
// It is no part of the library: only its command and its test call it. [Run] is for one caller at a
// time on one machine, because other work shows in the figures.
package measure
