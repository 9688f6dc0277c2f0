// Package postgres runs a PostgreSQL server for the benchmark and keeps events in a table, as event
// stores on PostgreSQL do. An event is one row, which is unique by stream and version. If a version
// is taken already, that is a conflict.
//
// The server listens on 127.0.0.1 only and keeps its data in a folder that [Server.Stop] removes. A
// [Table] may be used by any number of goroutines.
package postgres
