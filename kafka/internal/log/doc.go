// Package log reads the log of a partition: batches by offset, all that stands there ([Log]), or
// the records that count ([Reader], [Tail]). It says with a [CorruptError] or a [RangeError] what
// the log lacks.
//
// It writes nothing. It never decides which records count: an index says so. It knows no owners.
//
// A [Pool], a [Reader] and a [Log] may be used by any number of goroutines, a [Tail] by one.
package log
