package kafka_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

// A health check asks the store what it knows. None of these methods asks a broker.
func ExampleStore_Status() {
	ctx := context.Background()
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3)) // brokers in this process, for the example
	if err != nil {
		fmt.Println(err)
		return
	}
	defer brokers.Close()
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: brokers.ListenAddrs()},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account", Partitions: 2}}},
		Logger:     slog.New(slog.DiscardHandler),
	}
	if _, err := topics.Create(ctx, cfg.Connection, cfg.Topics); err != nil {
		fmt.Println(err)
		return
	}
	store, err := kafka.Open(ctx, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	if err := store.Claim(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range store.Status() {
		fmt.Printf("%s %d: owned %t, behind by %d, error %v\n", p.Topic, p.Partition, p.Owned, p.Lag, p.Err)
	}
	fmt.Println("records left out:", store.Skipped(), "the index takes space:", store.IndexBytes() > 0)
	health := store.TopicHealth()
	fmt.Println("problems of topics:", len(health.Problems), "error:", health.Err)
	// Output:
	// fencelog.account.events 0: owned true, behind by 0, error <nil>
	// fencelog.account.events 1: owned true, behind by 0, error <nil>
	// records left out: 0 the index takes space: true
	// problems of topics: 0 error: <nil>
}
