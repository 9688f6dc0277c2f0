package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// TopicOf returns the topic of [Category].
func TopicOf(cfg kafka.Config) string {
	if cfg.Topics.Prefix == "" {
		return Topic
	}
	return cfg.Topics.NameOf(Category)
}

// Foreigner returns a client of another program. The client chooses the partitions itself.
func Foreigner(t testing.TB, cfg kafka.Config, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts,
		kgo.SeedBrokers(cfg.Connection.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// Garbage is what another program writes into a topic that is not its own.
func Garbage(cfg kafka.Config) *kgo.Record {
	return &kgo.Record{Topic: TopicOf(cfg), Partition: 0, Key: []byte("a"), Value: []byte("not an event")}
}

// Two makes a topic of two partitions, and returns the configuration with it.
func Two(t testing.TB, cfg kafka.Config) kafka.Config {
	t.Helper()
	cfg.Topics.Prefix += "two"
	cfg.Topics.Categories = []topics.Category{{Name: Category, Partitions: 2}}
	kafkatest.Topics(t, cfg)
	return cfg
}

// Grow gives the topic more partitions, as an operator does who thinks that they are capacity.
func Grow(t testing.TB, cfg kafka.Config, partitions int) {
	t.Helper()
	c := Foreigner(t, cfg)
	admin := kadm.NewClient(c)
	r, err := admin.UpdatePartitions(t.Context(), partitions, TopicOf(cfg))
	require.NoError(t, err)
	require.NoError(t, r.Error())
	brokers, err := admin.ListBrokers(t.Context())
	require.NoError(t, err)
	of := kmsg.NewMetadataRequestTopic()
	of.Topic = kmsg.StringPtr(TopicOf(cfg))
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = append(request.Topics, of)
	for _, b := range brokers { // each learns of the change by itself
		require.Eventually(t, func() bool {
			answer, err := c.Broker(int(b.NodeID)).Request(t.Context(), request)
			return err == nil && len(answer.(*kmsg.MetadataResponse).Topics[0].Partitions) == partitions
		}, 30*time.Second, 10*time.Millisecond)
	}
}

// With returns the variables with the pairs in their place. An empty value removes a variable.
func With(variables map[string]string, pairs ...string) map[string]string {
	all := make(map[string]string)
	for name, value := range variables {
		all[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}
