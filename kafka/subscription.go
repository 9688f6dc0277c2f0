package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/client"
)

// Defaults of [SubscriptionConfig].
const (
	DefaultSession       = 30 * time.Second
	DefaultHeartbeat     = 3 * time.Second
	DefaultConcurrency   = 4
	DefaultMaxInFlight   = 1_000
	DefaultRetryAttempts = 10 // which takes about a minute
	DefaultRetryFirst    = 200 * time.Millisecond
	DefaultRetryLongest  = 30 * time.Second
	DefaultDeployment    = time.Hour
	DefaultLongWait      = 5 * time.Second
)

// SubscriptionConfig configures a [Subscription]. Group, Category and Handler are required.
type SubscriptionConfig struct {
	// Group is the consumer group: its members, in any number of processes, share the partitions of
	// the category. It names the handler in dead letters. At most 255 bytes.
	Group string

	// Category is the category whose events are handled, one of the store's.
	Category string

	// Handler is called with each event, at least once: again after a failure, and after a crash or
	// a rebalance that came before its offset was committed. Events of one aggregate come one at a
	// time and in order; those of others come at the same time. Its context carries the event's
	// cause (see [event.WithCause]), and ends when the partition is taken away: it should return
	// soon then. A panic counts as an error, as does [runtime.Goexit]. It may close the
	// subscription, or the store: that is done once it has returned.
	//
	// A command that it dispatches should have an id made from the event's, so that a second
	// delivery changes nothing. With [Config].Sharing another instance may own the stream that the
	// command is for. Then its key waits here, and says so, until this instance owns that stream's
	// partition, or the event's partition goes to one that does.
	Handler func(ctx context.Context, r eventstore.Record) error

	// Start is where a partition begins for which the group has committed no offset yet;
	// [eventstore.Since] is looked up once, and a time in the future means the end. Default: the
	// beginning.
	Start eventstore.Start

	// Retry says how often a failed event is handled again, and when.
	Retry Retry

	// Classify says what an error of the handler means. Default: [Classify]. If it panics, the
	// error is tried again as Retry says.
	Classify func(error) Outcome

	// Deployment is for how long an event is tried again whose type or schema this program does not
	// know, before it becomes a dead letter; see [WaitThenDeadLetter]. The time begins again when a
	// member is given the partition. Default: [DefaultDeployment].
	Deployment time.Duration

	// LongWait is after how long a wait is logged, and counted by [Subscription.Stats]; see
	// [Subscription.Waits]. Default: [DefaultLongWait].
	LongWait time.Duration

	// Concurrency is how many events of one partition are handled at once. Default:
	// [DefaultConcurrency].
	Concurrency int

	// MaxInFlight is how many events of one partition are read and not handled. Once so many wait
	// for keys that are retried, other keys wait too. Default: [DefaultMaxInFlight].
	MaxInFlight int

	// Session is after how long without a heartbeat a member is taken for dead; Heartbeat is the
	// time between two. Defaults: [DefaultSession], [DefaultHeartbeat].
	Session   time.Duration
	Heartbeat time.Duration
}

// Retry is exponential backoff: the pause doubles with each attempt, and is shortened by up to a
// half at random.
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

// complete returns the configuration with its defaults, or everything that is wrong with it.
func (c SubscriptionConfig) complete(store Config) (SubscriptionConfig, error) {
	set(&c.Session, DefaultSession)
	set(&c.Heartbeat, DefaultHeartbeat)
	set(&c.Concurrency, DefaultConcurrency)
	set(&c.MaxInFlight, DefaultMaxInFlight)
	set(&c.Deployment, DefaultDeployment)
	set(&c.LongWait, DefaultLongWait)
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
	for _, g := range store.Topics.Categories {
		known = known || g.Name == c.Category
	}
	report(!known, "Category is %q, expected one of the store's Categories", c.Category)
	report(c.Handler == nil, "Handler is nil, expected a function")
	report(c.Concurrency < 1, "Concurrency is %d, expected 1 or more", c.Concurrency)
	report(c.MaxInFlight < c.Concurrency, "MaxInFlight is %d, expected Concurrency, %d, or more", c.MaxInFlight, c.Concurrency)
	report(c.Retry.Attempts < 1, "Retry.Attempts is %d, expected 1 or more", c.Retry.Attempts)
	report(c.Retry.First < 0 || c.Retry.Longest < c.Retry.First, "Retry pauses are %s to %s, expected 0 < First ≤ Longest", c.Retry.First, c.Retry.Longest)
	report(c.Deployment < 0, "Deployment is %s, expected a time above 0", c.Deployment)
	report(c.LongWait < 0, "LongWait is %s, expected a time above 0", c.LongWait)
	report(c.Heartbeat < 0 || c.Session < 2*c.Heartbeat, "Session is %s and Heartbeat %s, expected a session of several heartbeats", c.Session, c.Heartbeat)
	if err := errors.Join(wrong...); err != nil {
		return c, fmt.Errorf("subscription: %w", err)
	}
	return c, nil
}

// sarama returns the configuration of the group's client.
func (c SubscriptionConfig) sarama(store Config) *sarama.Config {
	s := client.Sarama(store.Connection)
	s.Consumer.Group.Session.Timeout = c.Session
	s.Consumer.Group.Heartbeat.Interval = c.Heartbeat
	s.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	s.Consumer.Group.ResetInvalidOffsets = true // only what it fetches, which nobody takes: see place
	s.Consumer.Offsets.Initial = sarama.OffsetOldest
	s.Consumer.Return.Errors = true
	s.Consumer.Fetch.Default = 1 // the group says who reads what; the reading is the store's own
	return s
}
