package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/ids"
)

// SubscriptionStore is a store whose subscriptions [RunSubscriptions] checks.
type SubscriptionStore interface {
	eventstore.Store
	subscription.Source
	io.Closer
}

// SubscriptionsConfig configures [RunSubscriptions]; every field may be left zero.
type SubscriptionsConfig struct {
	// Category is the category that the suite appends to; it must exist by the time the store is
	// open. Default: "Account".
	Category string

	// Ledgers is the category to which the suite appends commits over several streams. It must
	// exist by the time the store is open, with the partition key [eventstore.BeforeSlash]. It is
	// not Category. Default: "Ledger".
	Ledgers string

	// Timeout bounds each check; a store that hangs fails it. Default: [DefaultTimeout].
	Timeout time.Duration
}

// RunSubscriptions checks that the store that open returns keeps every promise of
// [subscription.Source].
//
// open fails t if it cannot open the store, and may register clean-ups with t. The last checks
// close the store: for each of them open is called once more, after the store before is closed.
// The next store need not hold what was appended to the one before.
func RunSubscriptions(t *testing.T, open func(t testing.TB) SubscriptionStore, cfg SubscriptionsConfig) {
	t.Helper()
	s, err := newDelivery(func() SubscriptionStore { return open(t) }, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range deliveryChecks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

// deliveryCheck proves one promise.
type deliveryCheck struct {
	name string
	run  func(test, *delivery)
}

// deliveryChecks returns all of them. Those that close the store come last.
func deliveryChecks() []deliveryCheck {
	return []deliveryCheck{
		{"every event is handled, those of an aggregate in order and one at a time", deliveredInOrder},
		{"events of several aggregates are handled at the same time", handledAtOnce},
		{"other aggregates go on while one is tried again", othersGoOn},
		{"handlers know the cause of what they do", causeKnown},
		{"each group is handed every event", groupsApart},
		{"a group begins where it is told, and goes on where it was", startsOnce},
		{"members of a group share the partitions", membersShare},
		{"a member that is closed hands over what is not done", handedOver},
		{"a verdict decides what becomes of an event", verdictsHold},
		{"without a Classify, errors are judged by what they mean", errorsJudged},
		{"what Classify leaves to the store, the store judges", restJudged},
		{"a handler may panic or end its goroutine, and Classify too", goroutinesEnded},
		{"what fails for good is set aside, and its aggregate waits", setAside},
		{"a dead letter is shown whole, with all that happened to it", lettersShown},
		{"a redrive handles an aggregate's letters again, in order", redriven},
		{"what is discarded is never handled again, and the rest goes on", discarded},
		{"by partition key, events are handled in order and one at a time", deliveredByKey},
		{"by partition key, other keys go on while one is tried again", otherKeysGoOn},
		{"by partition key, a dead letter makes all of the key wait", keySetAside},
		{"by stream, a dead letter makes no other stream of its partition key wait", streamSetAside},
		{"a group goes on by partition key with letters of streams", goesOnByKey},
		{"a group goes on by stream with letters of a partition key", goesOnByStream},
		{"a dead letter shows what became of its commit", commitShown},
		{"what is waited for is told", waitsTold},
		{"a handler that does not come back is told", hangingTold},
		{"a partition that is read no further is told", fullTold},
		{"all mistakes of a configuration are told", mistakesTold},
		{"nothing is begun for a context that has ended", endedContextTold},
		{"a subscription that is closed waits for its handlers", closeWaits},
		{"a handler may close its subscription", handlerCloses},
		{"a handler may close the store", handlerClosesStore},
		{"a closed store ends its subscriptions, and begins none", storeCloses},
	}
}

// delivery is what the checks share. They run one after the other.
type delivery struct {
	open     func() SubscriptionStore
	store    SubscriptionStore
	category string
	ledgers  string
	timeout  time.Duration
}

func newDelivery(open func() SubscriptionStore, cfg SubscriptionsConfig) (*delivery, error) {
	s := &delivery{open: open, category: cfg.Category, ledgers: cfg.Ledgers, timeout: cfg.Timeout}
	if s.category == "" {
		s.category = "Account"
	}
	if s.ledgers == "" {
		s.ledgers = "Ledger"
	}
	if s.timeout == 0 {
		s.timeout = DefaultTimeout
	}
	wrong := errors.Join(eventstore.CheckCategory(s.category), eventstore.CheckCategory(s.ledgers))
	if s.category == s.ledgers {
		wrong = errors.Join(wrong,
			fmt.Errorf("found %q as Category and as Ledgers, expected two categories", s.ledgers))
	}
	if s.timeout < 0 {
		wrong = errors.Join(wrong, fmt.Errorf("found Timeout %s, expected a positive time", s.timeout))
	}
	if wrong != nil {
		return nil, fmt.Errorf("eventstoretest: %w", wrong)
	}
	s.store = open()
	return s, nil
}

// context returns one that ends with t, or when the check takes too long.
func (s *delivery) context(t test) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), s.timeout)
	t.Cleanup(cancel)
	return ctx
}

// append appends commits to a stream, of one and two events in turn, and returns their events' ids.
func (s *delivery) append(ctx context.Context, t test, id string, commits int) []string {
	t.Helper()
	return s.appendAt(ctx, t, id, firstTime(), commits)
}

func (s *delivery) appendAt(ctx context.Context, t test, id string, at time.Time, commits int) []string {
	t.Helper()
	var all []string
	for i := range commits {
		records := make([]eventstore.Record, 1+i%2)
		for k := range records {
			records[k] = eventstore.Record{Header: event.Header{
				ID: ids.New(), Type: "Happened", Revision: 1, Timestamp: at, CorrelationID: "c-" + id, ActorID: "actor",
			}, Value: []byte("value of " + id)}
			all = append(all, records[k].ID)
		}
		stream := eventstore.Stream{Category: s.category, ID: id}
		_, err := s.store.Append(ctx, eventstore.To(stream, eventstore.Any, records...))
		must(t, "an append", err)
	}
	return all
}

// config is a subscription whose retries do not take long.
func (s *delivery) config(w *witness) subscription.Config {
	return subscription.Config{
		Group: w.group, Category: s.category, Handler: w.handle,
		Retry: subscription.Retry{Attempts: quickAttempts, First: time.Millisecond, Longest: 5 * time.Millisecond},
	}
}

const quickAttempts = 3

// subscribe subscribes until the end of the check.
func (s *delivery) subscribe(ctx context.Context, t test, cfg subscription.Config) subscription.Subscription {
	t.Helper()
	sub, err := s.store.Subscribe(ctx, cfg)
	must(t, "subscribing", err)
	t.Cleanup(func() { _ = sub.Close() })
	return sub
}

// letters opens the dead letters until the end of the check.
func (s *delivery) letters(ctx context.Context, t test) subscription.DeadLetters {
	t.Helper()
	letters, err := s.store.DeadLetters(ctx)
	must(t, "opening the dead letters", err)
	t.Cleanup(func() { _ = letters.Close() })
	return letters
}

// listed waits until the handler has so many letters, and returns them.
func listed(ctx context.Context, t test, d subscription.DeadLetters, handler string, n int) []subscription.Letter {
	t.Helper()
	var all []subscription.Letter
	until(ctx, t, fmt.Sprintf("the group has %d dead letters", n), func() bool {
		var err error
		all, err = d.List(ctx, handler)
		must(t, "listing the dead letters", err)
		return len(all) == n
	}, func() any { return all })
	return all
}

// caughtUp waits until the member, the only one of its group, has handled or set aside everything.
func caughtUp(ctx context.Context, t test, sub subscription.Subscription) {
	t.Helper()
	until(ctx, t, "the only member has all partitions, and is not behind", func() bool {
		st := sub.Stats()
		return st.Configured > 0 && st.Partitions == st.Configured && st.Lag == 0
	}, func() any { return fmt.Sprintf("%+v", sub.Stats()) })
}

// lookAgain is the time between two looks at what a check waits for.
const lookAgain = 2 * time.Millisecond

// until waits until something holds. details say what is found instead.
func until(ctx context.Context, t test, what string, holds func() bool, details ...func() any) {
	t.Helper()
	for !holds() {
		if clock.Wait(ctx, lookAgain) != nil {
			var found []any
			for _, d := range details {
				found = append(found, d())
			}
			fatal(t, "this does not come about: "+what, found...)
		}
	}
}

// never fails the check if something holds within a moment.
func never(ctx context.Context, t test, what string, holds func() bool) {
	t.Helper()
	const looks = 25
	for range looks {
		if holds() {
			fatal(t, "this comes about: "+what)
		}
		must(t, "waiting for a moment", clock.Wait(ctx, lookAgain))
	}
}
