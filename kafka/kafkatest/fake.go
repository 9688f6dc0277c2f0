package kafkatest

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	fakeBrokers    = 3
	fakePartitions = 10
)

// Fake starts an imitation of three brokers inside this process, with the topics, 10 partitions
// each, and returns their bootstrap addresses. It ends with the test.
//
// It knows producer ids, epochs, sequence numbers and transactions. It replicates nothing and keeps
// nothing. Sarama's consumer (not its Fetch) stumbles over the control records that transactions
// leave. A test that needs more than that needs [ForTest].
func Fake(tb testing.TB, topics ...string) []string {
	tb.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(fakeBrokers), kfake.SeedTopics(fakePartitions, topics...))
	if err != nil {
		tb.Fatalf("kafkatest: in-process Kafka: %v", err)
	}
	tb.Cleanup(c.Close)
	return c.ListenAddrs()
}
