package prom_test

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/observe/prom"
)

const (
	topic    = "fencelog.account.events"
	patience = time.Minute
)

// fake starts brokers in this process, with the topics of the configuration that it returns.
func fake(t *testing.T, partitions int32) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(brokers.Close)
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: brokers.ListenAddrs()},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account", Partitions: partitions}}},
		Logger:     slog.New(slog.DiscardHandler),
	}
	kafkatest.Topics(t, cfg)
	return brokers, cfg
}

// open opens a store that has claimed.
func open(t *testing.T, cfg kafka.Config) *kafka.Store {
	t.Helper()
	s := openReader(t, cfg)
	require.NoError(t, s.Claim(t.Context()))
	return s
}

func openReader(t *testing.T, cfg kafka.Config) *kafka.Store {
	t.Helper()
	s, err := kafka.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStoreInKafka(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t, 2)
	m, r := metrics(t, prom.Config{})
	var err error
	cfg.Hooks, err = m.Kafka(cfg)
	require.NoError(t, err)
	require.Zero(t, value(t, r, "fencelog_append_duration_seconds", appends(prom.OutcomeUnknown)),
		"there from the start")
	require.Zero(t, value(t, r, "fencelog_partitions_lost_total", labels{"topic": topic}))
	require.Zero(t, value(t, r, "fencelog_skipped_records_total", labels{"topic": topic}))
	s := open(t, cfg)
	require.NoError(t, m.Store(s))
	require.Error(t, m.Store(s), "twice")

	_, err = s.Append(t.Context(),
		eventstore.To(eventstore.Stream{Category: "Account", ID: "a"}, eventstore.NoStream, one("c"), one("c")))
	require.NoError(t, err)
	require.Equal(t, 1.0, value(t, r, "fencelog_append_duration_seconds", appends(prom.OutcomeStored)))
	for _, name := range []string{
		"fencelog_batch_duration_seconds", "fencelog_batch_commits", "fencelog_batch_records",
	} {
		require.Equal(t, 1.0, value(t, r, name, labels{"topic": topic}), name)
	}
	require.Zero(t, value(t, r, "fencelog_batch_failures_total", labels{"topic": topic}))
	require.Zero(t, value(t, r, "fencelog_barrier_duration_seconds", labels{"topic": topic}))
	events, at := s.ReadQueued(t.Context(), eventstore.Stream{Category: "Account", ID: "a"}.At(0))
	for range events { // the tip is at their end
	}
	_, err = s.Append(t.Context(), at.Commit())
	require.NoError(t, err)
	require.Equal(t, 1.0, value(t, r, "fencelog_barrier_duration_seconds", labels{"topic": topic}))
	require.Zero(t, value(t, r, "fencelog_barrier_failures_total", labels{"topic": topic}))
	require.Equal(t, 2.0, value(t, r, "fencelog_claim_duration_seconds", labels{"topic": topic}))
	next := 0.0
	for _, partition := range []string{"0", "1"} {
		at := labels{"topic": topic, "partition": partition}
		require.Equal(t, 1.0, value(t, r, "fencelog_partition_owned", at))
		require.Equal(t, 1.0, value(t, r, "fencelog_partition_readable", at))
		require.Zero(t, value(t, r, "fencelog_partition_ended", at))
		require.Zero(t, value(t, r, "fencelog_partition_lag", at))
		next += value(t, r, "fencelog_partition_next_offset", at)
	}
	require.Equal(t, 5.0, next, "the markers of two claims and of a barrier, and two events")
	require.Positive(t, value(t, r, "fencelog_index_bytes", labels{}))
}

// The metrics show a topic whose settings were changed, and when somebody looked at it.
func TestTopicsInMetrics(t *testing.T) {
	t.Parallel()
	brokers, cfg := fake(t, 1)
	cfg.CheckEvery = 10 * time.Millisecond
	m, r := metrics(t, prom.Config{})
	require.NoError(t, m.Store(openReader(t, cfg)))
	problems := func() float64 { return value(t, r, "fencelog_topic_problems", labels{"topic": topic}) }
	require.Zero(t, problems())
	require.Positive(t, value(t, r, "fencelog_topics_looked_at_timestamp_seconds", labels{}))
	week := "604800000"
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	of := kmsg.NewIncrementalAlterConfigsRequestResource()
	of.ResourceType, of.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	setting := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	setting.Name, setting.Value = "retention.ms", &week
	of.Configs = append(of.Configs, setting)
	alter.Resources = append(alter.Resources, of)
	_, err = alter.RequestWith(t.Context(), client)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return problems() == 1 }, patience, time.Millisecond)
}

// Each kind of trouble has a separate counter.
func TestWhatGoesWrongIsCounted(t *testing.T) {
	t.Parallel()
	brokers, cfg := fake(t, 1)
	m, r := metrics(t, prom.Config{})
	watched := cfg
	var err error
	watched.Hooks, err = m.Kafka(cfg)
	require.NoError(t, err)
	s := open(t, watched)
	counted := func(name string) float64 { return value(t, r, "fencelog_"+name, labels{"topic": topic}) }
	stream := eventstore.Stream{Category: "Account", ID: "a"}

	foreigner, err := kgo.NewClient(kgo.SeedBrokers(cfg.Connection.Brokers...))
	require.NoError(t, err)
	t.Cleanup(foreigner.Close)
	const foreign = 3
	for range foreign {
		require.NoError(t,
			foreigner.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("not an event")}).FirstErr())
	}
	_, err = s.Append(t.Context(), eventstore.To(stream, eventstore.NoStream, one("")))
	require.NoError(t, err)
	require.InDelta(t, foreign, counted("skipped_records_total"), 0)
	require.Zero(t, counted("batch_failures_total"))
	require.Zero(t, counted("partitions_lost_total"))

	brokers.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		brokers.DropControl()
		// This takes the partition amid a batch. An idle owner may notice by itself, and send none.
		brokers.SleepControl(func() { open(t, cfg) })
		return nil, nil, false
	})
	_, err = s.Append(t.Context(), eventstore.To(stream, eventstore.Any, one("")))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	require.Eventually(t, func() bool { return counted("partitions_lost_total") == 1 }, patience, time.Millisecond)
	require.Equal(t, 1.0, counted("batch_failures_total"))
	require.InDelta(t, foreign, counted("skipped_records_total"), 0)
	require.Equal(t, 1.0, value(t, r, "fencelog_append_duration_seconds", appends(prom.OutcomeNotOwner)))
}

// The metrics of an instance that is held back show how far it is behind.
func TestLagOfAFollower(t *testing.T) {
	t.Parallel()
	brokers, cfg := fake(t, 1)
	owner := open(t, cfg)
	follower := openReader(t, cfg)
	m, r := metrics(t, prom.Config{})
	require.NoError(t, m.Store(follower))
	at := labels{"topic": topic, "partition": "0"}
	begun := owner.Status()[0].Next
	require.Eventually(t, func() bool { return follower.Status()[0].Next == begun }, patience, time.Millisecond)

	const ahead = 7
	var released atomic.Bool
	held := make(chan struct{})
	var once sync.Once
	brokers.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		brokers.KeepControl()
		if released.Load() {
			return nil, nil, false
		}
		partition := kmsg.NewFetchResponseTopicPartition()
		partition.HighWatermark, partition.RecordBatches = owner.Status()[0].Next, []byte{}
		answer := kmsg.NewFetchResponseTopic()
		answer.Topic, answer.Partitions = topic, append(answer.Partitions, partition)
		response := r.ResponseKind().(*kmsg.FetchResponse)
		response.Topics = append(response.Topics, answer)
		once.Do(func() { close(held) })
		return response, nil, true
	})
	<-held // an earlier fetch brings all that is there
	for range ahead {
		_, err := owner.Append(t.Context(),
			eventstore.To(eventstore.Stream{Category: "Account", ID: "a"}, eventstore.Any, one("")))
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return value(t, r, "fencelog_partition_lag", at) == ahead }, patience,
		time.Millisecond)
	require.Zero(t, value(t, r, "fencelog_partition_owned", at))
	released.Store(true)
	require.Eventually(t, func() bool { return value(t, r, "fencelog_partition_lag", at) == 0 }, patience,
		time.Millisecond)
}
