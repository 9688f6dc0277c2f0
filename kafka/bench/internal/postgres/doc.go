// Package postgres runs a PostgreSQL server for the benchmark and keeps events in a table of it, as
// event stores on PostgreSQL do: a row an event, unique by stream and version, and a version that
// is taken already is a conflict.
//
// The server listens on 127.0.0.1 only and keeps its data in a folder that [Server.Stop] removes. A
// [Table] may be used by any number of goroutines.
package postgres
