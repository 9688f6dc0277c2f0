package index

import "fmt"

// Term says by what right the records of one stretch of a log were written. In Kafka it is the
// claim of a partition: the producer id and the producer epoch in the header of the claim's marker
// and of each of its batches.
type Term struct {
	ProducerID int64
	Epoch      int16
}

// NoTerm is the term before the first claim.
func NoTerm() Term { return Term{ProducerID: -1, Epoch: -1} }

// String returns the term as "producer id/epoch".
func (t Term) String() string { return fmt.Sprintf("%d/%d", t.ProducerID, t.Epoch) }
