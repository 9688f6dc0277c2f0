package kafka_test

import (
	"testing"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// conformance runs the suite over two categories of several partitions each.
func conformance(t *testing.T, cfg kafka.Config) {
	cfg.Topics.Prefix += "conformance"
	cfg.Topics.Categories = []topics.Category{
		{Name: "Account", Partitions: 3},
		{Name: "Transaction", Partitions: 2},
		{Name: "Ledger", Partitions: 2, PartitionKey: eventstore.BeforeSlash},
	}
	kafkatest.Topics(t, cfg)
	eventstoretest.Run(t, func(t testing.TB) eventstore.Store { return open(t, cfg) }, eventstoretest.Config{
		Durable: true, Timeout: 5 * time.Minute, // for a busy machine
	})
}

// subscriptions runs the suite of subscriptions over categories with the given number of
// partitions.
func subscriptions(t *testing.T, cfg kafka.Config, partitions int32) {
	cfg.Topics.Prefix += "subscriptions"
	cfg.Topics.Categories = []topics.Category{
		{Name: category, Partitions: partitions},
		{Name: "Ledger", Partitions: partitions, PartitionKey: eventstore.BeforeSlash},
	}
	kafkatest.Topics(t, cfg)
	eventstoretest.RunSubscriptions(t, func(t testing.TB) eventstoretest.SubscriptionStore { return open(t, cfg) },
		eventstoretest.SubscriptionsConfig{Category: category, Timeout: 5 * time.Minute})
}

func TestSubscription_suite(t *testing.T) {
	for name, partitions := range map[string]int32{"one partition": 1, "several partitions": 3} {
		t.Run(name, func(t *testing.T) {
			_, cfg := fake(t)
			subscriptions(t, cfg, partitions)
		})
	}
}
