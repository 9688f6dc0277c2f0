package kafka_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

// ReadCategory ends where the category ends now. Follow goes on from a cursor, and waits for more.
func ExampleStore_Follow() {
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3)) // brokers in this process, for the example
	if err != nil {
		fmt.Println(err)
		return
	}
	defer brokers.Close()
	if err := readAndFollow(context.Background(), brokers.ListenAddrs()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// read AccountCreated of alice
	// followed AccountClosed of alice
}

func readAndFollow(ctx context.Context, addresses []string) error {
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: addresses},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account"}}},
		Logger:     slog.New(slog.DiscardHandler),
	}
	if _, err := topics.Create(ctx, cfg.Connection, cfg.Topics); err != nil {
		return err
	}
	store, err := kafka.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Claim(ctx); err != nil {
		return err
	}
	alice := eventstore.Stream{Category: "Account", ID: "alice"}
	for i, name := range []string{"AccountCreated", "AccountClosed"} {
		_, err := store.Append(ctx, eventstore.To(alice, eventstore.Expected(i), eventstore.Record{
			Value: []byte("an encoded event"), Header: event.Header{
				ID: fmt.Sprint("e-", i+1), Type: name, Revision: 1, Timestamp: time.Now(),
			},
		}))
		if err != nil {
			return err
		}
	}

	seen := eventstore.Cursor{}
	for r, err := range store.ReadCategory(ctx, "Account", eventstore.Beginning()) {
		if err != nil {
			return err
		}
		fmt.Println("read", r.Type, "of", r.AggregateID)
		seen.Advance(r.Position)
		break // the reader does something with what it has, and keeps its cursor
	}

	for r, err := range store.Follow(ctx, "Account", eventstore.After(seen)) {
		if err != nil {
			return err
		}
		fmt.Println("followed", r.Type, "of", r.AggregateID)
		break // it would wait for the next event
	}
	return nil
}
