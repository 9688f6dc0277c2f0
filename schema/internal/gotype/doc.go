// Package gotype says how Go types and Avro schemas fit each other. It knows which Go type stands
// for which type of Avro, and what the tags of Go fields say.
//
// It never encodes a value, and reads no file. Its errors are lists of [Mismatch]: its callers name
// the event type.
//
// Its functions may be called by any number of goroutines.
package gotype
