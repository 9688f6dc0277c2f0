package index

import "fmt"

// Term says by what right the records of one stretch of the log were written. In Kafka a term is
// one claim of a partition: a producer id and a producer epoch. They are in the header of the
// claim's marker, and of each of its batches.
type Term struct {
	ProducerID int64
	Epoch      int16
}

// NoTerm is the term of a log in which no term has begun.
func NoTerm() Term { return Term{ProducerID: -1, Epoch: -1} }

// String returns the term as "producer id/epoch".
func (t Term) String() string { return fmt.Sprintf("%d/%d", t.ProducerID, t.Epoch) }
