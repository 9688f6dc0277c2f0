// Package sampletest has samples of schemas, events and changes, for the tests of schema and of the
// rooms below it.
//
// No program imports it. Its functions may be called by any number of goroutines.
package sampletest
