// Package claim makes this process the only writer of a partition. It asks the transaction
// coordinator for a term, puts the term's marker into the log, and reads on to it. It knows whose
// claim the log shows. It also knows when a claim may be made again and takes the partition from
// nobody. kafka/DESIGN.md says under "Claim" why that is right.
//
// It appends no events, and never decides what counts: package rule does.
//
// A [Claim] and a [Record] are used by one goroutine at a time.
package claim
