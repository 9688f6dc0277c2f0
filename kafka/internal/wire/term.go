package wire

import "fmt"

// Term is what one claim of a partition writes under: the producer id and producer epoch in the header of
// its marker and of every batch of it.
type Term struct {
	ProducerID int64
	Epoch      int16
}

// NoTerm is before the first claim of a partition.
func NoTerm() Term { return Term{ProducerID: -1, Epoch: -1} }

// String returns the term as "producer id/epoch".
func (t Term) String() string { return fmt.Sprintf("%d/%d", t.ProducerID, t.Epoch) }
