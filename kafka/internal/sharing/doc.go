// Package sharing shares the partitions of some topics among the processes of a group, by Kafka's
// group protocol. A process that joins gets some. A process that leaves or falls silent loses them.
// Every member knows who should own which.
//
// It says who should own a partition. The claim of package partition says who does own it. So two
// members that disagree for a moment do no harm. A Member's methods may be called by any number of
// goroutines.
package sharing
