package kafka_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// A subscription passes over partitions that are not configured and are empty. If such a partition
// holds records, the subscription ends.
func TestSubscription_ofATopicThatHasGrown(t *testing.T) {
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

// A topic grows under a running subscription. The subscription goes on with the configured
// partitions. A record in a new partition ends the subscription, whenever it comes.
func TestSubscription_ofATopicThatGrows(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	cfg = two(t, cfg)
	cfg.CheckEvery = 20 * time.Millisecond
	s := open(t, cfg)
	h := newHandled()
	first := subscribe(t, s, quick("readers", h))
	eventually(t, "it has the partitions", func() bool { return first.Stats().Partitions == 2 })
	grow(t, cfg, 4)
	second := subscribe(t, s, quick("readers", h)) // makes the group assign all partitions anew, with the new ones
	admin := kadm.NewClient(foreigner(t, cfg))
	eventually(t, "each partition is somebody's", func() bool {
		groups, err := admin.DescribeGroups(t.Context(), "readers")
		require.NoError(t, err)
		return len(groups.AssignedPartitions()[topicOf(cfg)]) == 4
	})
	var looks atomic.Int64 // of the subscription and the store, at a partition that is not configured
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
