package partition

import (
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/access"
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

// CorruptError says that a partition holds what it cannot hold if this library alone wrote it.
type CorruptError struct {
	Topic     string
	Partition int32
	Offset    int64
	Found     string
	Cause     error // one of those below; nil for a record that is no event
}

// Causes of a *CorruptError.
var (
	ErrLogCut            = errors.New("the log ends before what was read of it")
	ErrLogRewritten      = errors.New("the log holds something else where it was read before")
	ErrRecordsMissing    = errors.New("records are missing from the log")
	ErrPartitionsChanged = errors.New("the number of partitions was changed")
)

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Cause }

// Error says what was found where.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s partition %d offset %d: %s", e.Topic, e.Partition, e.Offset, e.Found)
}

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

// kind is what an answer of a broker means for what was asked.
type kind int

const (
	passing  kind = iota // try the same again
	fenced               // someone claimed later
	sequence             // the broker's memory of this producer does not fit the batch: claim again
	refused              // it will never be accepted
)

// final reports whether asking again would not help.
func final(err error) bool { return kindOf(err) != passing || isCorrupt(err) }

// kindOf sorts the errors of produce, fetch and transaction requests. What is not a broker's answer is a
// connection's failure, and passing.
func kindOf(err error) kind {
	if access.Final(err) {
		return refused
	}
	var code sarama.KError
	if !errors.As(err, &code) {
		var unencodable sarama.PacketEncodingError
		if errors.As(err, &unencodable) || errors.Is(err, sarama.ErrUnsupportedVersion) {
			return refused
		}
		return passing
	}
	switch code {
	case sarama.ErrProducerFenced, sarama.ErrInvalidProducerEpoch:
		return fenced
	case sarama.ErrOutOfOrderSequenceNumber, sarama.ErrDuplicateSequenceNumber, sarama.ErrUnknownProducerID,
		sarama.ErrInvalidProducerIDMapping, sarama.ErrInvalidTxnState:
		return sequence
	case sarama.ErrMessageSizeTooLarge, sarama.ErrInvalidMessage, sarama.ErrInvalidRecord, sarama.ErrInvalidTimestamp,
		sarama.ErrTopicAuthorizationFailed, sarama.ErrClusterAuthorizationFailed,
		sarama.ErrTransactionalIDAuthorizationFailed, sarama.ErrUnsupportedForMessageFormat,
		sarama.ErrUnsupportedVersion, sarama.ErrInvalidRequiredAcks, sarama.ErrMessageSetSizeTooLarge,
		sarama.ErrInvalidTopic, sarama.ErrPolicyViolation, sarama.ErrInvalidTransactionTimeout,
		sarama.ErrInvalidRequest, sarama.ErrUnsupportedCompressionType:
		return refused
	default:
		return passing
	}
}
