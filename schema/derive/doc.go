// Package derive makes the schema of a Go type, and holds schema files to their Go types.
//
// [Schema] makes the first version of a file. From then on the file counts, and [Check] compares
// both. CheckDerived of package schema/schematest does so for all event types, in a test.
//
// It never writes a file, and never asks a registry.
//
// Its functions may be called by any number of goroutines.
package derive
