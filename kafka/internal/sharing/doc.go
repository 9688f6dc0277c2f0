// Package sharing shares the partitions of some topics among the processes of a group, by Kafka's
// group protocol: who joins gets some, who leaves or falls silent loses them, and every member
// knows who has which.
//
// It says who should own a partition. Who does is for the claim of package partition to say: two
// members that are of different opinions for a moment do no harm. A Member's methods may be called
// by any number of goroutines.
package sharing
