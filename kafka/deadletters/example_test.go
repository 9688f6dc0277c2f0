package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// A tool looks at the events that a service has set aside, and gives one up.
func ExampleOpen() {
	ctx := context.Background()
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3)) // brokers in this process, for the example
	if err != nil {
		fmt.Println(err)
		return
	}
	defer brokers.Close()
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: brokers.ListenAddrs()},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account", Partitions: 1}}},
		Logger:     slog.New(slog.DiscardHandler),
	}
	stop, err := service(ctx, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	if err := giveUp(ctx, cfg.Connection, cfg.Topics); err != nil {
		fmt.Println(err)
	}
	// Output:
	// AccountCreated of alice: no printer
	// letters that are open: 0
}

func giveUp(ctx context.Context, conn connection.Config, cfg topics.Config) error {
	conn.Logger = slog.New(slog.DiscardHandler)
	letters, err := deadletters.Open(ctx, conn, cfg)
	if err != nil {
		return err
	}
	defer letters.Close()
	var open []subscription.Letter
	for len(open) == 0 { // the service may not have written it yet
		if open, err = letters.List(ctx, "statements"); err != nil {
			return err
		}
	}
	event, _, err := letters.Show(ctx, open[0].ID)
	if err != nil {
		return err
	}
	fmt.Printf("%s of %s: %s\n", event.Type, event.AggregateID, open[0].Error)
	if err := letters.Discard(ctx, open[0].ID, "this account needs no statement"); err != nil {
		return err
	}
	for len(open) > 0 { // the service does what it is asked
		if open, err = letters.List(ctx, "statements"); err != nil {
			return err
		}
	}
	fmt.Println("letters that are open:", len(open))
	return nil
}

// service is a service whose handler fails.
func service(ctx context.Context, cfg kafka.Config) (stop func() error, err error) {
	if _, err := topics.Create(ctx, cfg.Connection, cfg.Topics); err != nil {
		return nil, err
	}
	store, err := kafka.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := store.Claim(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	alice := eventstore.Stream{Category: "Account", ID: "alice"}
	_, err = store.Append(ctx, eventstore.To(alice, eventstore.NoStream, eventstore.Record{
		Value: []byte("an encoded event"), Header: event.Header{
			ID: "e-1", Type: "AccountCreated", Revision: 1, Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		},
	}))
	if err == nil {
		_, err = store.Subscribe(ctx, subscription.Config{
			Group: "statements", Category: "Account",
			Handler: func(context.Context, eventstore.Record) error { return errors.New("no printer") },
			Retry:   subscription.Retry{Attempts: 2, First: 10 * time.Millisecond},
		})
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store.Close, nil
}
