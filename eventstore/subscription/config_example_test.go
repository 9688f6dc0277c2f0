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
// is handled. The store says what all other errors mean.
func ExampleConfig() {
	errClosed := errors.New("account is closed")
	cfg := subscription.Config{
		Group:    "statements",
		Category: "Account",
		Handler: func(context.Context, eventstore.Record) error {
			return fmt.Errorf("debit alice: %w", errClosed)
		},
		// The events of all accounts of one bank come in order, as the partition key is the bank.
		Order: subscription.ByPartitionKey,
		Classify: func(err error) subscription.Verdict {
			if errors.Is(err, errClosed) {
				return subscription.Handled
			}
			return subscription.Default
		},
	}
	fmt.Println("account is closed:", cfg.Classify(cfg.Handler(context.Background(), eventstore.Record{})))
	fmt.Println("another error:", cfg.Classify(eventstore.ErrNotOwner))
	fmt.Println("order:", cfg.Order)
	// Output:
	// account is closed: handled
	// another error: default
	// order: by-partition-key
}

// A store goes by what an error means for the event, unless the subscription's own Classify does.
func ExampleClassify() {
	for _, err := range []error{
		eventstore.ErrNotOwner, eventstore.ErrUnknownEvent, eventstore.ErrUndecodable, errors.New("no printer"),
	} {
		fmt.Println(subscription.Classify(err))
	}
	// Output:
	// retry-forever
	// wait-then-dead-letter
	// dead-letter-at-once
	// retry-then-dead-letter
}

// A service's own configuration names the order.
func ExampleOrder() {
	var order subscription.Order
	err := order.UnmarshalText([]byte("by-partition-key"))
	fmt.Println(order == subscription.ByPartitionKey, err)
	// Output: true <nil>
}
