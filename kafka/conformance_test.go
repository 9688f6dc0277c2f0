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
	cfg.Topics.Categories = []topics.Category{{Name: "Account", Partitions: 3}, {Name: "Transaction", Partitions: 2}}
	kafkatest.Topics(t, cfg)
	eventstoretest.Run(t, func(t testing.TB) eventstore.Store { return open(t, cfg) }, eventstoretest.Config{
		Durable: true, Timeout: 5 * time.Minute, // for a machine that has much else to do
	})
}
