package kafka_test

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

func Example() {
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3)) // brokers in this process, for the example
	if err != nil {
		fmt.Println(err)
		return
	}
	defer brokers.Close()
	if err := appendAndRead(context.Background(), brokers.ListenAddrs()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// created fencelog.account.events with 10 partitions
	// created fencelog.dead-letter with 1 partitions
	// stored at version 1
	// stream Account/alice is at version 1, expected 0: load it again and decide anew
	// version 1: AccountCreated
}

func appendAndRead(ctx context.Context, addresses []string) error {
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: addresses},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account"}}},
	}
	made, err := topics.Create(ctx, cfg.Connection, cfg.Topics) // once, before the service starts
	if err != nil {
		return err
	}
	for _, t := range made {
		fmt.Printf("created %s with %d partitions\n", t.Name, t.Partitions)
	}

	store, err := kafka.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer store.Close()
	// Here a service binds its schemas, registers its handlers and listens. Claiming comes last, so
	// a start that fails takes nothing.
	if err := store.Claim(ctx); err != nil {
		return err
	}
	alice := eventstore.Stream{Category: "Account", ID: "alice"}
	created := eventstore.Record{Value: []byte("an encoded event"), Header: event.Header{
		ID: "e-1", Type: "AccountCreated", Revision: 1, Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}}
	result, err := store.Append(ctx, eventstore.To(alice, eventstore.NoStream, created))
	if err != nil {
		return err
	}
	fmt.Println("stored at version", result.Last())

	_, err = store.Append(ctx, eventstore.To(alice, eventstore.NoStream, created))
	fmt.Println(err)

	for r, err := range store.ReadStream(ctx, alice, 1) {
		if err != nil {
			return err
		}
		fmt.Printf("version %d: %s\n", r.AggregateVersion, r.Type)
	}
	return nil
}
