package kafka_test

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
)

// grow gives the topic more partitions, as an operator does who takes them for capacity.
func grow(t testing.TB, cfg kafka.Config, partitions int) {
	t.Helper()
	c := foreigner(t, cfg)
	admin := kadm.NewClient(c)
	r, err := admin.UpdatePartitions(t.Context(), partitions, topicOf(cfg))
	require.NoError(t, err)
	require.NoError(t, r.Error())
	brokers, err := admin.ListBrokers(t.Context())
	require.NoError(t, err)
	of := kmsg.NewMetadataRequestTopic()
	of.Topic = kmsg.StringPtr(topicOf(cfg))
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = append(request.Topics, of)
	for _, b := range brokers { // each learns of it by itself
		require.Eventually(t, func() bool {
			answer, err := c.Broker(int(b.NodeID)).Request(t.Context(), request)
			return err == nil && len(answer.(*kmsg.MetadataResponse).Topics[0].Partitions) == partitions
		}, 30*time.Second, 10*time.Millisecond)
	}
}

// two configures a topic of two partitions.
func two(t testing.TB, cfg kafka.Config) kafka.Config {
	t.Helper()
	cfg.Topics.Prefix += "two"
	cfg.Topics.Categories = []topics.Category{{Name: category, Partitions: 2}}
	create(t, cfg)
	return cfg
}

// testGrowth has a topic get more partitions: the configuration must stay as it is.
func testGrowth(t *testing.T, cfg kafka.Config) {
	t.Helper()
	var logged bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	cfg.IndexDir = filepath.Join(t.TempDir(), "index")
	s := open(t, cfg)
	want := make(map[string][]string)
	for i := range 20 {
		want[named("s", i)] = add(t, s, named("s", i), 1)
	}
	grow(t, cfg, 4)
	for i := range 20 {
		id := named("s", i)
		want[id] = append(want[id], add(t, s, id, 1)...)
	}
	require.NoError(t, s.Close())

	for _, dir := range []string{cfg.IndexDir, ""} {
		same := cfg
		same.IndexDir = dir
		again := open(t, same)
		for id, events := range want {
			require.Equal(t, events, ids(t, again, id))
		}
		require.NoError(t, again.Close())
		require.Contains(t, logged.String(), "topic has more partitions than are configured; they are empty, and stay unused")
	}
	found, err := topics.Check(t.Context(), cfg.Connection, cfg.Topics)
	require.NoError(t, err)
	require.Empty(t, found[0].Differences)
	require.Equal(t, int32(2), found[0].Extra)

	grown := cfg
	grown.IndexDir = ""
	grown.Topics.Categories = []topics.Category{{Name: category, Partitions: 4}}
	_, err = kafka.Open(t.Context(), grown)
	var corrupt *kafka.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.ErrorIs(t, err, kafka.ErrPartitionsChanged)
	require.ErrorContains(t, err, "the number of partitions was changed after events were written")
	require.ErrorContains(t, err, "of 4 partitions it belongs to partition")

	foreign := &kgo.Record{Topic: topicOf(cfg), Partition: 3, Value: []byte("value")}
	require.NoError(t, foreigner(t, cfg).ProduceSync(t.Context(), foreign).FirstErr())
	_, err = kafka.Open(t.Context(), cfg)
	var off *topics.Error
	require.ErrorAs(t, err, &off)
	require.ErrorContains(t, err, "partitions is 4 (partition 3 holds records, or did), expected 2")
}

func TestTopicsThatGrow(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	testGrowth(t, two(t, cfg))
}

// A subscription passes over partitions that are not configured, and are empty; others end it.
func TestSubscriptionsOfATopicThatHasGrown(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	cfg = two(t, cfg)
	s := open(t, cfg)
	grow(t, cfg, 4)
	h := newHandled()
	sub := subscribe(t, s, quick("readers", h))
	for i := range 10 {
		id := named("s", i)
		h.seen(t, id, add(t, s, id, 2))
	}
	require.NoError(t, sub.Close())

	foreign := &kgo.Record{Topic: topicOf(cfg), Partition: 3, Value: []byte("value")}
	require.NoError(t, foreigner(t, cfg).ProduceSync(t.Context(), foreign).FirstErr())
	sub, err := s.Subscribe(t.Context(), quick("others", newHandled()))
	require.NoError(t, err)
	<-sub.Done()
	require.ErrorIs(t, sub.Err(), kafka.ErrPartitionsChanged)
	require.ErrorContains(t, sub.Err(), "the topic has more partitions than the 2 that are configured")
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, records(1, "")...))
	require.NoError(t, err)
}

// A topic grows under a running subscription. What is configured is handled on; a record in a new partition ends the subscription, whenever
// it comes.
func TestSubscriptionsOfATopicThatGrows(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	cfg = two(t, cfg)
	cfg.CheckEvery = 20 * time.Millisecond
	s := open(t, cfg)
	h := newHandled()
	first := subscribe(t, s, quick("readers", h))
	eventually(t, "it has the partitions", func() bool { return first.Stats().Partitions == 2 })
	grow(t, cfg, 4)
	second := subscribe(t, s, quick("readers", h)) // has all partitions given out anew, the new ones too
	admin := kadm.NewClient(foreigner(t, cfg))
	eventually(t, "each partition is somebody's", func() bool {
		groups, err := admin.DescribeGroups(t.Context(), "readers")
		require.NoError(t, err)
		return len(groups.AssignedPartitions()[topicOf(cfg)]) == 4
	})
	var looks atomic.Int64 // at a partition that is not configured, by the subscription and by the store
	c.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, of := range r.(*kmsg.ListOffsetsRequest).Topics {
			for _, p := range of.Partitions {
				if of.Topic == topicOf(cfg) && p.Partition == 3 {
					looks.Add(1)
				}
			}
		}
		return nil, nil, false
	})
	eventually(t, "the partition is looked at again and again", func() bool { return looks.Load() > 20 })
	for i := range 10 {
		id := named("s", i)
		h.seen(t, id, add(t, s, id, 2))
	}
	require.NoError(t, errors.Join(first.Err(), second.Err()))

	foreign := &kgo.Record{Topic: topicOf(cfg), Partition: 3, Value: []byte("value")}
	require.NoError(t, foreigner(t, cfg).ProduceSync(t.Context(), foreign).FirstErr())
	var ended error
	eventually(t, "the one that has the partition ends", func() bool {
		ended = errors.Join(first.Err(), second.Err())
		return ended != nil
	})
	require.ErrorIs(t, ended, kafka.ErrPartitionsChanged)
	require.ErrorContains(t, ended, topicOf(cfg)+" partition 3")
}
