package claim

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/index"
)

// LostError says that the claim of a partition is lost. Another process has made a later claim, or
// the brokers took an own request late, or they have forgotten the claim.
type LostError struct {
	Topic     string
	Partition int32
	Term      index.Term // of the claim that was lost
	Cause     error
}

// Error says whose claim was lost and how it showed.
func (e *LostError) Error() string {
	return fmt.Sprintf("%s partition %d: claim %s is lost, most likely to another process that claimed "+
		"the partition later (%v)",
		e.Topic, e.Partition, e.Term, e.Cause)
}

// Unwrap returns how it showed.
func (e *LostError) Unwrap() error { return e.Cause }

func lostError(topic string, partition int32, term index.Term, cause error) error {
	return &LostError{Topic: topic, Partition: partition, Term: term, Cause: readable(cause)}
}

// readable gives PRODUCER_FENCED a text, as Sarama has none for this code.
func readable(err error) error {
	if !errors.Is(err, sarama.ErrProducerFenced) {
		return err
	}
	return &fencedError{err}
}

type fencedError struct{ err error }

func (e *fencedError) Error() string {
	return "PRODUCER_FENCED: a newer producer has this transactional id"
}

func (e *fencedError) Unwrap() error { return e.err }
