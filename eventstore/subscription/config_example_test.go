package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// A source of your own completes the configuration that it is given. All mistakes come at once.
func ExampleConfig_Complete() {
	cfg, err := subscription.Config{
		Group:    "statements",
		Category: "Account",
		Handler:  func(context.Context, eventstore.Record) error { return nil },
	}.Complete([]string{"Account"})
	fmt.Println(cfg.Concurrency, cfg.Retry.Attempts, cfg.Deployment, err)

	_, err = subscription.Config{Group: "statements", Category: "Invoice"}.Complete([]string{"Account"})
	fmt.Println(err)
	// Output:
	// 4 10 1h0m0s <nil>
	// subscription: Category is "Invoice", expected one of the store's Categories
	// Handler is nil, expected a function
}

// Before the event becomes a dead letter there are these pauses, unless chance shortens them.
func ExampleRetry_Pause() {
	retry := subscription.Retry{Attempts: 5, First: 200 * time.Millisecond, Longest: time.Second}
	for attempt := 1; attempt < retry.Attempts; attempt++ {
		fmt.Println("after attempt", attempt, retry.Pause(attempt, 0))
	}
	// Output:
	// after attempt 1 200ms
	// after attempt 2 400ms
	// after attempt 3 800ms
	// after attempt 4 1s
}

// The handler asked for something, and a business rule refused it. That is an answer, so the event
// is handled. Everything else means what it means without this function.
func ExampleClassify() {
	errClosed := errors.New("account is closed")
	classify := func(err error) subscription.Verdict { // for Config.Classify
		if errors.Is(err, errClosed) {
			return subscription.Handled
		}
		return subscription.Classify(err) // kafka.Classify where the store is in Kafka
	}

	meaning := map[subscription.Verdict]string{
		subscription.Handled:             "handled",
		subscription.RetryForever:        "try again until it succeeds",
		subscription.WaitThenDeadLetter:  "wait for a release that knows the event",
		subscription.DeadLetterAtOnce:    "set aside at once",
		subscription.RetryThenDeadLetter: "try again, then set aside",
	}
	for _, err := range []error{
		fmt.Errorf("debit alice: %w", errClosed), eventstore.ErrNotOwner, eventstore.ErrUnknownEvent,
		eventstore.ErrUndecodable, errors.New("no printer"),
	} {
		fmt.Println(meaning[classify(err)])
	}
	// Output:
	// handled
	// try again until it succeeds
	// wait for a release that knows the event
	// set aside at once
	// try again, then set aside
}
