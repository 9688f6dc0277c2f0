// Package measure measures what the Kafka store costs beside what it could cost: the same events go
// through this store, through prebuilt batches that nothing checks, through Sarama's own producers,
// and into a table of PostgreSQL, turn by turn, on three real brokers and one database server that
// it starts on this machine and stops again.
//
// A [Report] has a table for each case, with the spread over the rounds, and says of each goal
// whether it was met and by how much. Each contender's topic or table is counted afterwards: a
// contender that did not store what it was acknowledged fails the run.
//
// It is no part of the library: only its command and its test call it. [Run] is for one caller at a
// time on one machine, as what runs beside it shows in the figures.
package measure
