package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/deadletters"
	"github.com/fencelog/fencelog/kafka/topics"
)

// The members of a consumer group get the events of a category. An event that cannot be handled is
// set aside, and only its aggregate waits, until a person acts on the letter.
func ExampleStore_Subscribe() {
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3)) // brokers in this process, for the example
	if err != nil {
		fmt.Println(err)
		return
	}
	defer brokers.Close()
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: brokers.ListenAddrs()},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account", Partitions: 1}}},
		Logger:     quiet(),
	}
	if err := statements(context.Background(), cfg); err != nil {
		fmt.Println(err)
	}
	// Output:
	// handled e-2 of bob
	// set aside: e-1 of alice after 2 attempts: no printer
	// handled e-1 of alice
}

func statements(ctx context.Context, cfg kafka.Config) error {
	if _, err := topics.Create(ctx, cfg.Connection, cfg.Topics); err != nil {
		return err
	}
	store, err := kafka.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer store.Close() // closes its subscriptions too
	if err := store.Claim(ctx); err != nil {
		return err
	}
	for i, id := range []string{"alice", "bob"} {
		_, err := store.Append(ctx, eventstore.To(eventstore.Stream{Category: "Account", ID: id}, eventstore.Any,
			eventstore.Record{
				Value: []byte("an encoded event"), Header: event.Header{
					ID: fmt.Sprint("e-", i+1), Type: "AccountCreated", Revision: 1,
					Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
				},
			}))
		if err != nil {
			return err
		}
	}

	var printer atomic.Bool
	handled := make(chan struct{})
	_, err = store.Subscribe(ctx, subscription.Config{
		Group:    "statements",
		Category: "Account",
		// a repository's Handler makes one of decoded events
		Handler: func(_ context.Context, r eventstore.Record) error {
			if r.AggregateID == "alice" && !printer.Load() {
				return errors.New("no printer")
			}
			fmt.Println("handled", r.ID, "of", r.AggregateID)
			handled <- struct{}{}
			return nil
		},
		Retry: subscription.Retry{Attempts: 2, First: 10 * time.Millisecond},
	})
	if err != nil {
		return err
	}
	<-handled

	letters, err := deadletters.Open(ctx, cfg.Connection, cfg.Topics)
	if err != nil {
		return err
	}
	defer letters.Close()
	var all []subscription.Letter
	for len(all) == 0 { // it may not be there yet
		if all, err = letters.List(ctx, "statements"); err != nil {
			return err
		}
	}
	event, _, err := letters.Show(ctx, all[0].ID)
	if err != nil {
		return err
	}
	fmt.Printf("set aside: %s of %s after %d attempts: %s\n", event.ID, event.AggregateID, all[0].Attempts,
		all[0].Error)
	printer.Store(true)
	if err := letters.Redrive(ctx, all[0].ID, "there is a printer now"); err != nil {
		return err
	}
	<-handled
	return nil
}
