package kafka

import (
	"errors"
	"net"
	"syscall"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/goroutine"
	"github.com/fencelog/fencelog/internal/panics"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/delivery"
)

// Outcome is what an error of the handler means.
type Outcome int

// The outcomes.
const (
	// RetryThenDeadLetter: it is tried again, as Retry says, and then becomes a dead letter.
	RetryThenDeadLetter = Outcome(delivery.Retry)
	// RetryForever: it is tried again until it succeeds or the subscription is closed, for nothing
	// is wrong with the event.
	RetryForever = Outcome(delivery.Keep)
	// WaitThenDeadLetter: it is tried again for as long as [SubscriptionConfig].Deployment, and
	// then becomes a dead letter. It may be a deployment under way: another instance will handle
	// it, or the next release of this one.
	WaitThenDeadLetter = Outcome(delivery.Hold)
	// DeadLetterAtOnce: it becomes a dead letter without another attempt, which would end the same.
	DeadLetterAtOnce = Outcome(delivery.Bury)
	// Handled: it is no failure, as where a business rule refuses what the handler asked for.
	Handled = Outcome(delivery.Done)
)

// Classify is the default of [SubscriptionConfig].Classify. It goes by what an error means for the
// event:
//
//   - RetryForever, for the event is not to blame: a conflict of versions; a partition of another
//     instance; an append whose outcome is not known; brokers, registries and other peers that are
//     away or refuse access, also one whose name is not known; a topic that is damaged; a store
//     that is closed or whose disk has failed; any error with a method Unavailable() bool that
//     returns true.
//   - WaitThenDeadLetter: a type, a revision or a schema that this program does not know
//     ([eventstore.ErrUnknownEvent]).
//   - DeadLetterAtOnce, for another attempt would end the same: an event that no program can decode
//     ([eventstore.ErrUndecodable]); input that breaks a rule ([eventstore.ErrInvalid]); an id that
//     another command has ([eventstore.ErrCommandReused]).
//   - RetryThenDeadLetter: anything else, among it a panic, and whatever else brokers refuse for
//     good, such as a message that is too large.
//
// An error that wraps several has the first of these meanings that one of them has.
func Classify(err error) Outcome {
	var panicked *panics.Error
	var exited *goroutine.ExitError
	switch {
	case errors.As(err, &panicked), errors.As(err, &exited): // whatever error it panicked with
		return RetryThenDeadLetter
	case blameless(err):
		return RetryForever
	case errors.Is(err, eventstore.ErrUnknownEvent):
		return WaitThenDeadLetter
	case errors.Is(err, eventstore.ErrUndecodable), errors.Is(err, eventstore.ErrInvalid),
		errors.Is(err, eventstore.ErrCommandReused):
		return DeadLetterAtOnce
	}
	return RetryThenDeadLetter
}

// blameless reports whether the error says nothing against the event.
func blameless(err error) bool { return reason(err) != "" }

// What waits can be for, beside what errors say by themselves.
const (
	forEvent      = "the handler, which fails with the event"
	forDeployment = "a release that knows the event's type and schema"
)

// waitsFor says what is waited for where an attempt failed.
func waitsFor(err error) string {
	if why := reason(err); why != "" {
		return why
	}
	if errors.Is(err, eventstore.ErrUnknownEvent) {
		return forDeployment
	}
	return forEvent
}

// reason says what is waited for where the event is not to blame, or nothing.
func reason(err error) string {
	var several sarama.ProducerErrors // which errors.As does not look into
	if errors.As(err, &several) && len(several) > 0 {
		why := ""
		for _, one := range several {
			if why = reason(one); why == "" {
				return "" // whatever becomes of the others
			}
		}
		return why
	}
	var damaged *CorruptError
	var disk *IndexError
	switch {
	case errors.Is(err, eventstore.ErrNotOwner):
		return "a partition that another instance owns"
	case errors.Is(err, eventstore.ErrConflict):
		return "others who write to the same stream"
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		return "brokers that tell whether an append is stored"
	case errors.Is(err, eventstore.ErrClosed):
		return "a store that is closed"
	case errors.As(err, &damaged):
		return "a topic that is damaged"
	case errors.As(err, &disk):
		return "the disk of the index"
	case access.Final(err), forbidden(err):
		return "brokers that refuse access"
	case anyOf(err, isAway):
		return "a service that is away"
	case passing(err):
		return "brokers that are away"
	case unreachable(err):
		return "a peer that cannot be reached"
	}
	return ""
}

// forbidden reports whether somebody must grant a permission.
func forbidden(err error) bool {
	var permission *connection.PermissionError
	var security *connection.SecurityError
	return errors.As(err, &permission) || errors.As(err, &security)
}

// anyOf reports whether one of the errors that err is made of is like that: errors.As looks at the
// first of a type alone.
func anyOf(err error, is func(error) bool) bool {
	if err == nil {
		return false
	}
	if is(err) {
		return true
	}
	switch w := err.(type) { //nolint:errorlint // this walks through what is wrapped
	case interface{ Unwrap() error }:
		return anyOf(w.Unwrap(), is)
	case interface{ Unwrap() []error }:
		for _, one := range w.Unwrap() {
			if anyOf(one, is) {
				return true
			}
		}
	}
	return false
}

func isAway(err error) bool {
	away, ok := err.(interface{ Unavailable() bool })
	return ok && away.Unavailable()
}

// passing reports whether the error is a broker's that the same request may not meet again, or
// Sarama's of brokers that do not answer.
func passing(err error) bool {
	for _, away := range []error{
		sarama.ErrOutOfBrokers, sarama.ErrNotConnected, sarama.ErrClosedClient, sarama.ErrControllerNotAvailable,
	} {
		if errors.Is(err, away) {
			return true
		}
	}
	return anyOf(err, func(err error) bool {
		code, ok := err.(sarama.KError) //nolint:errorlint // see anyOf
		return ok && retriable(code)
	})
}

// retriable reports whether a code passes: those that the Kafka protocol calls retriable
// (https://kafka.apache.org/protocol, error codes), and BROKER_NOT_AVAILABLE and
// REBALANCE_IN_PROGRESS, which pass as well.
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

// unreachable reports whether a peer was not there at all. One that was, and hung up or took too
// long, may have done so because of the event. So may an address that is none.
func unreachable(err error) bool {
	var address *net.AddrError
	var text *net.ParseError
	var network net.UnknownNetworkError
	if errors.As(err, &address) || errors.As(err, &text) || errors.As(err, &network) {
		return false
	}
	var call *net.OpError
	var name *net.DNSError
	return errors.As(err, &call) && call.Op == "dial" || errors.As(err, &name) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
}
