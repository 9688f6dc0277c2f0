package partition

import (
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/index"
)

// LostError says that the claim of a partition is lost: there was a later one. It is another process's, or else the brokers took an
// own request late, or have forgotten the claim.
type LostError struct {
	Topic     string
	Partition int32
	Term      index.Term // of the claim that was lost
	Cause     error
}

// Error says whose claim was lost and how it showed.
func (e *LostError) Error() string {
	return fmt.Sprintf("%s partition %d: claim %s is lost, most likely to another process that claimed the partition later (%v)",
		e.Topic, e.Partition, e.Term, e.Cause)
}

// Unwrap returns how it showed.
func (e *LostError) Unwrap() error { return e.Cause }

// NotOwnerError says that this process does not own the partition, and has not just lost it.
type NotOwnerError struct {
	Topic     string
	Partition int32
	Cause     error
}

// Error says why.
func (e *NotOwnerError) Error() string {
	return fmt.Sprintf("%s partition %d: not appended: %v", e.Topic, e.Partition, e.Cause)
}

// Unwrap returns why.
func (e *NotOwnerError) Unwrap() error { return e.Cause }

// takenError says that another process has claimed the partition, and what this one does about it.
type takenError struct {
	Term  index.Term // the other's
	Quiet time.Duration
}

// Error says who owns the partition and when this process claims it again.
func (e *takenError) Error() string {
	return fmt.Sprintf("another process has claimed the partition (term %s); this one follows it, and claims it again when the log has shown "+
		"nothing of the other for %s: stop one of the two if both run", e.Term, e.Quiet)
}

// readable gives the one code of these that Sarama has no text for a text.
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

// RefusedError says that the broker refused a commit for good. Nothing was appended.
type RefusedError struct {
	Topic     string
	Partition int32
	Cause     error
}

// Error gives the broker's reason.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s partition %d: the broker refused the commit: %v", e.Topic, e.Partition, e.Cause)
}

// Unwrap returns the broker's reason.
func (e *RefusedError) Unwrap() error { return e.Cause }
