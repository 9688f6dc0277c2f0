package retry

import (
	"errors"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
)

// Kind is what a broker's answer means for the request.
type Kind int

// The kinds of answers.
const (
	Passing  Kind = iota // try the same again
	Fenced               // someone claimed later
	Sequence             // the broker's memory of this producer does not fit the batch: claim again
	Refused              // it will never be accepted
)

// KindOf sorts the errors of produce, fetch and transaction requests. It takes any other error for
// a connection's failure, which passes.
func KindOf(err error) Kind {
	if access.Final(err) {
		return Refused
	}
	var code sarama.KError
	if !errors.As(err, &code) {
		var unencodable sarama.PacketEncodingError
		if errors.As(err, &unencodable) || errors.Is(err, sarama.ErrUnsupportedVersion) {
			return Refused
		}
		return Passing
	}
	switch code {
	case sarama.ErrProducerFenced, sarama.ErrInvalidProducerEpoch:
		return Fenced
	case sarama.ErrOutOfOrderSequenceNumber, sarama.ErrDuplicateSequenceNumber, sarama.ErrUnknownProducerID,
		sarama.ErrInvalidProducerIDMapping, sarama.ErrInvalidTxnState:
		return Sequence
	case sarama.ErrMessageSizeTooLarge, sarama.ErrInvalidMessage, sarama.ErrInvalidRecord, sarama.ErrInvalidTimestamp,
		sarama.ErrTopicAuthorizationFailed, sarama.ErrClusterAuthorizationFailed,
		sarama.ErrTransactionalIDAuthorizationFailed, sarama.ErrUnsupportedForMessageFormat,
		sarama.ErrUnsupportedVersion, sarama.ErrInvalidRequiredAcks, sarama.ErrMessageSetSizeTooLarge,
		sarama.ErrInvalidTopic, sarama.ErrPolicyViolation, sarama.ErrInvalidTransactionTimeout,
		sarama.ErrInvalidRequest, sarama.ErrUnsupportedCompressionType:
		return Refused
	default:
		return Passing
	}
}

// NoneIsNil returns the code of an answer as an error, nil if the request succeeded.
func NoneIsNil(e sarama.KError) error {
	if e == sarama.ErrNoError {
		return nil
	}
	return e
}
