package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Two instances of a service share the partitions. An append at the wrong one is told where to go.
func Example_sharing() {
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer brokers.Close()
	if err := appendWhereItBelongs(context.Background(), brokers.ListenAddrs()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// one of billing-1:3001 and billing-2:3001 took it, the other named it
}

func appendWhereItBelongs(ctx context.Context, addresses []string) error {
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: addresses},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account"}}},
		Logger:     quiet(),
	}
	if _, err := topics.Create(ctx, cfg.Connection, cfg.Topics); err != nil {
		return err
	}
	instances := make(map[string]*kafka.Store)
	for _, address := range []string{"billing-1:3001", "billing-2:3001"} {
		cfg.Sharing = kafka.Sharing{Advertise: address}
		store, err := kafka.Open(ctx, cfg)
		if err != nil {
			return err
		}
		defer store.Close()
		if err := store.Claim(ctx); err != nil {
			return err
		}
		instances[address] = store
	}
	alice := eventstore.Stream{Category: "Account", ID: "alice"}
	created := eventstore.Record{Value: []byte("an encoded event"), Header: event.Header{
		ID: "e-1", Type: "AccountCreated", Revision: 1, Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}}
	_, err := instances["billing-1:3001"].Append(ctx, eventstore.To(alice, eventstore.NoStream, created))
	var elsewhere *kafka.NotOwnerError
	if errors.As(err, &elsewhere) {
		_, err = instances[elsewhere.Owner].Append(ctx, eventstore.To(alice, eventstore.NoStream, created))
	}
	if err == nil {
		fmt.Println("one of billing-1:3001 and billing-2:3001 took it, the other named it")
	}
	return err
}
