package kafka

import (
	"errors"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/blame"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/access"
)

// Classify judges what the Classify of a [subscription.Config] leaves to this store. It says what
// [subscription.Classify] says, and it also knows the errors of brokers and of this package:
//
//   - RetryForever also if brokers are away or refuse access, if a topic is damaged, or if the disk
//     of the index has failed. In none of these cases the event is to blame.
//   - RetryThenDeadLetter for everything else that brokers refuse for good, such as a message that
//     is too large.
func Classify(err error) subscription.Verdict {
	verdict := subscription.Classify(err)
	switch {
	case blame.Handler(err):
		return verdict
	case reason(err) != "":
		return subscription.RetryForever
	case verdict == subscription.RetryForever: // but one of several errors is a refusal for good
		return subscription.RetryThenDeadLetter
	}
	return verdict
}

// reason says what a subscription waits for if the event is not to blame. Otherwise it returns "".
func reason(err error) string {
	var several sarama.ProducerErrors // errors.As does not look into it
	if errors.As(err, &several) && len(several) > 0 {
		why := ""
		for _, one := range several {
			if why = reason(one); why == "" {
				return "" // whatever the others say
			}
		}
		return why
	}
	var damaged *CorruptError
	var disk *IndexError
	if why := blame.Store(err); why != "" {
		return why
	}
	switch {
	case errors.As(err, &damaged):
		return "a topic that is damaged"
	case errors.As(err, &disk):
		return "the disk of the index"
	case access.Final(err), forbidden(err):
		return "brokers that refuse access"
	case passing(err) && !blame.Away(err):
		return "brokers that are away"
	}
	return blame.Peer(err)
}

// forbidden reports whether somebody must grant a permission.
func forbidden(err error) bool {
	var permission *connection.PermissionError
	var security *connection.SecurityError
	return errors.As(err, &permission) || errors.As(err, &security)
}

// passing reports whether the error is a broker's and the same request may succeed later. It is
// also true of Sarama's errors for brokers that do not answer.
func passing(err error) bool {
	for _, away := range []error{
		sarama.ErrOutOfBrokers, sarama.ErrNotConnected, sarama.ErrClosedClient, sarama.ErrControllerNotAvailable,
	} {
		if errors.Is(err, away) {
			return true
		}
	}
	return blame.AnyOf(err, func(err error) bool {
		code, ok := err.(sarama.KError) //nolint:errorlint // see AnyOf
		return ok && retriable(code)
	})
}

// retriable reports whether a code may pass by itself. These are the codes that the Kafka protocol
// calls retriable (https://kafka.apache.org/protocol, error codes). BROKER_NOT_AVAILABLE and
// REBALANCE_IN_PROGRESS pass as well.
func retriable(code sarama.KError) bool {
	switch code {
	case sarama.ErrInvalidMessage, // CORRUPT_MESSAGE: damaged on its way
		sarama.ErrUnknownTopicOrPartition, sarama.ErrLeaderNotAvailable, sarama.ErrNotLeaderForPartition,
		sarama.ErrRequestTimedOut, sarama.ErrBrokerNotAvailable, sarama.ErrReplicaNotAvailable,
		sarama.ErrNetworkException, sarama.ErrOffsetsLoadInProgress, sarama.ErrConsumerCoordinatorNotAvailable,
		sarama.ErrNotCoordinatorForConsumer, sarama.ErrNotEnoughReplicas, sarama.ErrNotEnoughReplicasAfterAppend,
		sarama.ErrRebalanceInProgress, sarama.ErrNotController, sarama.ErrConcurrentTransactions,
		sarama.ErrKafkaStorageError, sarama.ErrFetchSessionIDNotFound, sarama.ErrInvalidFetchSessionEpoch,
		sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch, sarama.ErrListenerNotFound,
		sarama.ErrOffsetNotAvailable, sarama.ErrPreferredLeaderNotAvailable, sarama.ErrEligibleLeadersNotAvailable,
		sarama.ErrThrottlingQuotaExceeded, sarama.ErrUnstableOffsetCommit:
		return true
	default:
		return false
	}
}
