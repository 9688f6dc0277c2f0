package kafkatest_test

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

const (
	patience = 2 * time.Minute
	tick     = 20 * time.Millisecond
)

func TestFakeTakesAndGivesRecords(t *testing.T) {
	t.Parallel()
	addrs := kafkatest.Fake(t, "orders", "payments")
	require.Len(t, addrs, 3)
	client := newClient(t, addrs)
	topics, err := client.Topics()
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"orders", "payments"}, topics)
	partitions, err := client.Partitions("orders")
	require.NoError(t, err)
	require.Len(t, partitions, 10)
	roundTrip(t, client, "orders", "over and over")
}

// newClient connects Sarama, waiting for every replica.
func newClient(t *testing.T, addrs []string) sarama.Client {
	t.Helper()
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	// Brokers learn of each other's end, and of topics, in their time. The controller takes a
	// broker for dead after nine seconds (broker.session.timeout.ms). Then it elects others.
	config.Producer.Retry.Max, config.Metadata.Retry.Max = 600, 600
	config.Producer.Retry.Backoff, config.Metadata.Retry.Backoff = patience/600, patience/600
	config.Admin.Timeout = patience
	client, err := sarama.NewClient(addrs, config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// roundTrip produces a record and consumes it from where it was stored.
func roundTrip(t *testing.T, client sarama.Client, topic, value string) {
	t.Helper()
	partition, offset := produce(t, client, topic, value)
	require.Equal(t, value, consume(t, client, topic, partition, offset))
}

func produce(t *testing.T, client sarama.Client, topic, value string) (partition int32, offset int64) {
	t.Helper()
	producer, err := sarama.NewSyncProducerFromClient(client)
	require.NoError(t, err)
	partition, offset, err = producer.SendMessage(&sarama.ProducerMessage{
		Topic: topic, Value: sarama.StringEncoder(value),
	})
	require.NoError(t, err)
	require.NoError(t, producer.Close())
	return partition, offset
}

func consume(t *testing.T, client sarama.Client, topic string, partition int32, offset int64) string {
	t.Helper()
	consumer, err := sarama.NewConsumerFromClient(client)
	require.NoError(t, err)
	var messages sarama.PartitionConsumer
	// There may be no leader yet, or a leader that was just elected and does not know the end of
	// the partition.
	require.Eventually(t, func() bool {
		messages, err = consumer.ConsumePartition(topic, partition, offset)
		return err == nil
	}, patience, 20*time.Millisecond, "%v", &err)
	var value string
	select {
	case m := <-messages.Messages():
		value = string(m.Value)
	case <-t.Context().Done():
	}
	require.NoError(t, messages.Close())
	require.NoError(t, consumer.Close())
	return value
}
