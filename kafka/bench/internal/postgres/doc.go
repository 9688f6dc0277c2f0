// Package postgres runs a PostgreSQL server for the benchmark. A [Table] keeps events, as event
// stores on PostgreSQL do. An event is one row, which is unique by stream and version. If a version
// is taken already, that is a conflict. A [Ledger] keeps accounts and posts transfers between them,
// as ledgers on PostgreSQL do: by a procedure. [Accounts] keeps accounts and posts one amount at a
// time, by a function.
//
// The server listens on 127.0.0.1 only and keeps its data in a folder that [Server.Stop] removes.
// Any number of goroutines may use a Table, a Ledger or Accounts.
package postgres
