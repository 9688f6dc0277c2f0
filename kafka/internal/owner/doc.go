// Package owner is the only writer of a partition. It checks commits against the index, writes them
// as batches under its claim, and answers their callers. If an answer appends nothing, it first
// proves by a batch or a barrier that the partition was still its own. kafka/DESIGN.md says under
// "Append" and "Answers without an append" why that is right.
//
// It never decides what counts in the log: package rule does. An [Owner] that has lost its claim
// writes nothing more; package partition decides whether the partition is claimed again.
//
// An [Owner] and a [Tip] may be used by any number of goroutines. One goroutine of the owner does
// all the writing.
package owner
