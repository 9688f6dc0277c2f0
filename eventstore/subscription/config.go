package subscription

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// Defaults of [Config] and [Retry].
const (
	DefaultConcurrency   = 4
	DefaultMaxInFlight   = 1_000
	DefaultRetryAttempts = 10 // which takes about a minute
	DefaultRetryFirst    = 200 * time.Millisecond
	DefaultRetryLongest  = 30 * time.Second
	DefaultDeployment    = time.Hour
	DefaultLongWait      = 5 * time.Second
)

// Config configures a [Subscription]. Group, Category and Handler are required.
type Config struct {
	// Group names the group. Its members share the partitions of the category. It names the handler
	// in dead letters. At most 255 bytes.
	Group string

	// Category is the category whose events are handled, one of the store's.
	Category string

	// Handler is called with each event at least once. It is called again after a failure, and
	// after a crash or a change of the members that came before the event's offset was committed.
	// Events of one aggregate come one at a time and in order; those of others come at the same
	// time. Order says more.
	//
	// The handler gets events one by one, also those of one commit. So it may have handled some
	// events of a commit while another one is tried again or is a dead letter.
	//
	// Its context carries the event's cause (package event, WithCause). The context ends when the
	// partition is taken away: the handler should return soon then. A panic counts as an error, and
	// so does [runtime.Goexit]. The handler may close the subscription, or the store: that is done
	// once the handler has returned.
	//
	// A command that it dispatches should have an id made from the event's, so that a second
	// delivery changes nothing. Another instance of the service may own the stream that the command
	// is for. Then the key waits here, and says so. It waits until this instance owns that
	// stream's partition, or until the event's partition goes to an instance that does.
	Handler func(ctx context.Context, r eventstore.Record) error

	// Start is where a partition begins for which the group has committed no offset yet.
	// [eventstore.Since] is looked up once, and a time in the future means the end.
	// Default: the beginning.
	Start eventstore.Start

	// Order says which events wait for one another. With [ByPartitionKey] the handler gets the
	// events of a commit in order. The later ones wait while one is tried again or is a dead
	// letter. Then fewer events are handled at once. All members of a group should have the same
	// order. Default: [ByStream].
	Order Order

	// Retry says how often a failed event is handled again, and when.
	Retry Retry

	// Classify says what an error of the handler means. It returns [Default] for each error that it
	// leaves to the store: see [Classify], and what the store adds for its own errors. If it panics
	// or returns no verdict that there is, the event is tried again as Retry says. By default all
	// errors are left to the store.
	Classify func(error) Verdict

	// Deployment is for how long an event is tried again whose type or schema this program does
	// not know. Then the event becomes a dead letter; see [WaitThenDeadLetter]. The time begins
	// again when a member is given the partition. Default: [DefaultDeployment].
	Deployment time.Duration

	// LongWait is after how long a wait is logged, and counted by [Subscription].Stats; see
	// [Subscription].Waits. Default: [DefaultLongWait].
	LongWait time.Duration

	// Concurrency is how many events of one partition are handled at once.
	// Default: [DefaultConcurrency].
	Concurrency int

	// MaxInFlight is how many events of one partition are read and not handled. Once so many wait
	// for keys that are retried, other keys wait too. Default: [DefaultMaxInFlight].
	MaxInFlight int
}

// Retry is exponential backoff: the pause doubles with each attempt, and is shortened by up to a
// half at random.
type Retry struct {
	// Attempts is how many there are, with the first one, before the event becomes a dead letter.
	// Default: [DefaultRetryAttempts].
	Attempts int
	// First is the pause after the first attempt. Default: [DefaultRetryFirst].
	First time.Duration
	// Longest bounds the pauses. Default: [DefaultRetryLongest].
	Longest time.Duration
}

// Pause returns the pause after so many attempts; random is from 0 to before 1.
func (r Retry) Pause(attempts int, random float64) time.Duration {
	d := r.First
	for range attempts - 1 {
		if d *= 2; d >= r.Longest {
			break
		}
	}
	d = min(d, r.Longest)
	return max(d-time.Duration(random*float64(d)/2), 1)
}

// Complete returns the configuration with its defaults, for a store that holds the categories. It
// fails with all mistakes, joined. Stores call it.
func (c Config) Complete(categories []string) (Config, error) {
	c.setDefaults()
	var wrong []error
	report := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	report(c.Group == "" || len(c.Group) > eventstore.MaxIDBytes,
		"Group is %q, expected a name of 1 to %d bytes", c.Group, eventstore.MaxIDBytes)
	report(!slices.Contains(categories, c.Category), "Category is %q, expected one of the store's Categories",
		c.Category)
	report(c.Handler == nil, "Handler is nil, expected a function")
	report(!c.Order.Known(), "Order is %s, expected %s or %s", c.Order, ByStream, ByPartitionKey)
	report(c.Concurrency < 1, "Concurrency is %d, expected 1 or more", c.Concurrency)
	report(c.MaxInFlight < c.Concurrency, "MaxInFlight is %d, expected Concurrency, %d, or more", c.MaxInFlight,
		c.Concurrency)
	report(c.Retry.Attempts < 1, "Retry.Attempts is %d, expected 1 or more", c.Retry.Attempts)
	report(c.Retry.First < 0 || c.Retry.Longest < c.Retry.First,
		"Retry pauses are %s to %s, expected 0 < First ≤ Longest", c.Retry.First, c.Retry.Longest)
	report(c.Deployment < 0, "Deployment is %s, expected a time above 0", c.Deployment)
	report(c.LongWait < 0, "LongWait is %s, expected a time above 0", c.LongWait)
	if err := errors.Join(wrong...); err != nil {
		return c, fmt.Errorf("subscription: %w", err)
	}
	return c, nil
}

func (c *Config) setDefaults() {
	set(&c.Concurrency, DefaultConcurrency)
	set(&c.MaxInFlight, DefaultMaxInFlight)
	set(&c.Deployment, DefaultDeployment)
	set(&c.LongWait, DefaultLongWait)
	set(&c.Retry.Attempts, DefaultRetryAttempts)
	set(&c.Retry.First, DefaultRetryFirst)
	set(&c.Retry.Longest, DefaultRetryLongest)
}

// set gives a field that was left zero its default.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
