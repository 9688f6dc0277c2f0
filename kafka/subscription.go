package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/delivery"
)

// Defaults of [SubscriptionConfig].
const (
	DefaultSession       = 30 * time.Second
	DefaultHeartbeat     = 3 * time.Second
	DefaultConcurrency   = 4
	DefaultMaxInFlight   = 1_000
	DefaultRetryAttempts = 5
	DefaultRetryFirst    = 200 * time.Millisecond
	DefaultRetryLongest  = 30 * time.Second
)

// SubscriptionConfig configures a [Subscription]. Group, Category and Handler are required.
type SubscriptionConfig struct {
	// Group is the consumer group: its members, in any number of processes, share the partitions of the category. It names the
	// handler in dead letters. At most 255 bytes.
	Group string

	// Category is the aggregate type whose events are handled, one of the store's.
	Category string

	// Handler is called with each event, at least once: again after a failure, and after a crash or a rebalance that came before
	// its offset was committed. Events of one aggregate come one at a time and in order; those of others come at the same
	// time. Its context carries the event's cause (see [event.WithCause]), and ends when the partition is taken away: it should
	// return soon then. A panic counts as an error.
	//
	// A command that it dispatches should have an id made from the event's, so that a second delivery changes nothing.
	Handler func(ctx context.Context, r eventstore.Record) error

	// Start is where a partition begins for which the group has committed no offset yet; what [eventstore.Since] finds is taken as a
	// place, and a time to come for the end. Default: the beginning.
	Start eventstore.Start

	// Retry says how often a failed event is handled again, and when.
	Retry Retry

	// Classify says what an error of the handler means. Default: [Classify].
	Classify func(error) Outcome

	// Concurrency is how many events of one partition are handled at once. Default: [DefaultConcurrency].
	Concurrency int

	// MaxInFlight is how many events of one partition are read and not handled. Once so many wait for keys that are
	// retried, other keys wait too. Default: [DefaultMaxInFlight].
	MaxInFlight int

	// Session is after how long without a heartbeat a member is taken for dead; Heartbeat is the time between two.
	// Defaults: [DefaultSession], [DefaultHeartbeat].
	Session   time.Duration
	Heartbeat time.Duration
}

// Retry is exponential backoff: the pause doubles with each attempt, and is shortened by up to a half at random.
type Retry struct {
	Attempts int           // with the first one, before the event becomes a dead letter; default: [DefaultRetryAttempts]
	First    time.Duration // the pause after the first attempt; default: [DefaultRetryFirst]
	Longest  time.Duration // no pause is longer; default: [DefaultRetryLongest]
}

// pause returns the pause after so many attempts; random is from 0 to before 1.
func (r Retry) pause(attempts int, random float64) time.Duration {
	d := r.First
	for range attempts - 1 {
		if d *= 2; d >= r.Longest {
			break
		}
	}
	d = min(d, r.Longest)
	return max(d-time.Duration(random*float64(d)/2), 1)
}

// Outcome is what an error of a handler means.
type Outcome int

// The outcomes.
const (
	// RetryThenDeadLetter: it is tried again, as Retry says, and then becomes a dead letter.
	RetryThenDeadLetter = Outcome(delivery.Retry)
	// RetryForever: it is tried again until it succeeds or the subscription is closed, for nothing is wrong with the event.
	RetryForever = Outcome(delivery.Wait)
	// DeadLetterAtOnce: it becomes a dead letter without another attempt, for that would be in vain.
	DeadLetterAtOnce = Outcome(delivery.Bury)
	// Handled: it is no failure, as where a business rule refuses what the handler asked for.
	Handled = Outcome(delivery.Done)
)

// Classify is the default of [SubscriptionConfig].Classify: an event that cannot be decoded is a dead letter at once; version
// conflicts, partitions that changed hands, brokers and schema registries that are away are tried for ever; anything else is tried
// as often as Retry says.
func Classify(err error) Outcome {
	var away interface{ Unavailable() bool }
	var code sarama.KError
	switch {
	case errors.As(err, &away) && away.Unavailable():
		return RetryForever
	case errors.Is(err, eventstore.ErrUndecodable):
		return DeadLetterAtOnce
	case errors.Is(err, eventstore.ErrConflict), errors.Is(err, eventstore.ErrNotOwner),
		errors.Is(err, eventstore.ErrOutcomeUnknown), errors.Is(err, eventstore.ErrClosed),
		errors.Is(err, sarama.ErrOutOfBrokers), errors.Is(err, sarama.ErrNotConnected), errors.Is(err, sarama.ErrClosedClient),
		errors.As(err, &code):
		return RetryForever
	}
	return RetryThenDeadLetter
}

// complete returns the configuration with its defaults, or everything that is wrong with it.
func (c SubscriptionConfig) complete(store Config) (SubscriptionConfig, error) {
	set(&c.Session, DefaultSession)
	set(&c.Heartbeat, DefaultHeartbeat)
	set(&c.Concurrency, DefaultConcurrency)
	set(&c.MaxInFlight, DefaultMaxInFlight)
	set(&c.Retry.Attempts, DefaultRetryAttempts)
	set(&c.Retry.First, DefaultRetryFirst)
	set(&c.Retry.Longest, DefaultRetryLongest)
	if c.Classify == nil {
		c.Classify = Classify
	}
	var wrong []error
	report := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	report(c.Group == "" || len(c.Group) > eventstore.MaxIDBytes, "Group is %q, expected a name of 1 to %d bytes", c.Group, eventstore.MaxIDBytes)
	known := false
	for _, g := range store.Categories {
		known = known || g.Type == c.Category
	}
	report(!known, "Category is %q, expected one of the store's Categories", c.Category)
	report(c.Handler == nil, "Handler is nil, expected a function")
	report(c.Concurrency < 1, "Concurrency is %d, expected 1 or more", c.Concurrency)
	report(c.MaxInFlight < c.Concurrency, "MaxInFlight is %d, expected Concurrency, %d, or more", c.MaxInFlight, c.Concurrency)
	report(c.Retry.Attempts < 1, "Retry.Attempts is %d, expected 1 or more", c.Retry.Attempts)
	report(c.Retry.First < 0 || c.Retry.Longest < c.Retry.First, "Retry pauses are %s to %s, expected 0 < First ≤ Longest", c.Retry.First, c.Retry.Longest)
	report(c.Heartbeat < 0 || c.Session < 2*c.Heartbeat, "Session is %s and Heartbeat %s, expected a session of several heartbeats", c.Session, c.Heartbeat)
	if err := errors.Join(wrong...); err != nil {
		return c, fmt.Errorf("subscription: %w", err)
	}
	return c, nil
}

// sarama returns the configuration of the group's client.
func (c SubscriptionConfig) sarama(store Config) *sarama.Config {
	s := store.sarama()
	s.Consumer.Group.Session.Timeout = c.Session
	s.Consumer.Group.Heartbeat.Interval = c.Heartbeat
	s.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	s.Consumer.Group.ResetInvalidOffsets = false
	s.Consumer.Offsets.Initial = sarama.OffsetOldest
	s.Consumer.Return.Errors = true
	s.Consumer.Fetch.Default = 1 // the group says who reads what; the reading is the store's own
	return s
}
