// Package doctor says what is wrong with a Kafka cluster and the topics of a store, and how to mend
// it: [Diagnose].
//
// It never changes anything, and never takes a partition from its owner. Any number of goroutines
// may call Diagnose, also while stores run.
package doctor
