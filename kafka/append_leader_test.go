package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Partitions that one broker leads do not wait for one another. A broker answers the requests of a
// connection in turn, so each partition has its own connection.
func TestAppend_partitionsOfALeaderDoNotWaitForOneAnother(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	cfg.Topics.Prefix = "many"
	cfg.Topics.Categories = []topics.Category{{Name: category, Partitions: 6}}
	cfg.Connection.RequestTimeout = longest
	create(t, cfg)
	s := open(t, cfg)
	led := make(map[int32]map[int32]string) // a stream of each partition, by leader
	for i := range 100 {
		r, err := s.Append(t.Context(), eventstore.To(stream(named("s", i)), eventstore.NoStream, records(1, "")...))
		require.NoError(t, err)
		leader := c.LeaderFor(topicOf(cfg), r.Position.Partition)
		if led[leader] == nil {
			led[leader] = make(map[int32]string)
		}
		led[leader][r.Position.Partition] = named("s", i)
	}
	for leader, streams := range led {
		if len(streams) < 2 {
			continue
		}
		var slow int32 = -1
		var others []string
		for p, id := range streams {
			if slow < 0 {
				slow = p
				continue
			}
			others = append(others, id)
		}
		held, release := holdRequest(t, c, kmsg.Produce, func(r kmsg.Request) bool {
			return r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Partition == slow
		})
		done := make(chan error, 1)
		go func() {
			_, err := s.Append(context.WithoutCancel(t.Context()),
				eventstore.To(stream(streams[slow]), 1, records(1, "")...))
			done <- err
		}()
		<-held
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, id := range others {
			_, err := s.Append(ctx, eventstore.To(stream(id), 1, records(1, "")...))
			require.NoError(t, err, "leader %d", leader)
		}
		require.Empty(t, done)
		release()
		require.NoError(t, <-done)
		return
	}
	t.Fatal("no broker leads two partitions")
}
