package kafka_test

import (
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// impatient is a subscription that soon tells what it waits for.
func impatient(group string, h *handled) subscription.Config {
	cfg := quick(group, h)
	cfg.LongWait = 50 * time.Millisecond
	return cfg
}

// A wait for brokers says so. It is logged with its event, and again when it is over.
func TestSubscription_waitsForBrokersAreLogged(t *testing.T) {
	_, cfg := fake(t)
	var logged kafkatest.Output
	cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	s := open(t, cfg)
	id := add(t, s, "slow", 1)
	away := fmt.Errorf("produce: %w", sarama.ErrNotEnoughReplicas)
	var failing atomic.Bool
	failing.Store(true)
	h := newHandled()
	h.fail = func(r eventstore.Record) error {
		if failing.Load() && r.AggregateID == "slow" {
			return away
		}
		return nil
	}
	sub := subscribe(t, s, impatient("waiters", h))
	eventually(t, "the wait is told", func() bool { return len(sub.Waits()) == 1 && sub.Waits()[0].Attempts > 3 })
	wait := sub.Waits()[0]
	require.Equal(t, subscription.Wait{
		Key: "slow", AggregateID: "slow", EventID: id[0], EventType: "Happened", Offset: wait.Offset, Since: wait.Since,
		Attempts: wait.Attempts, Err: away, For: "brokers that are away",
	}, wait)
	eventually(t, "the wait is logged", func() bool {
		return len(logged.With("level=WARN", "subscription waits", "group=waiters", "key=slow",
			`for="brokers that are away"`, "event="+id[0])) > 0
	})
	failing.Store(false)
	h.seen(t, "slow", id)
	eventually(t, "so it is said", func() bool { return len(logged.With("subscription waits no more")) > 0 })
}

// setOffset sets the group's offset, as kafka-consumer-groups does.
func setOffset(t testing.TB, cfg kafka.Config, group string, partition int32, offset int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topicOf(cfg), partition, offset, -1)
	_, err := kadm.NewClient(foreigner(t, cfg)).CommitOffsets(t.Context(), group, offsets)
	require.NoError(t, err)
}

// If a partition does not have the group's offset, the subscription stops that partition, and says
// so. It handles the other partitions.
func TestSubscription_offsetsOutOfBounds(t *testing.T) {
	_, cfg := fake(t)
	testOffsetsOutOfBounds(t, two(t, cfg))
}

// testOffsetsOutOfBounds needs a topic of two partitions.
func testOffsetsOutOfBounds(t *testing.T, cfg kafka.Config) {
	var logged kafkatest.Output
	cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	s := open(t, cfg)
	want := make(map[int32]map[string][]string)
	for i := range 20 {
		id := named("s", i)
		ids := add(t, s, id, 1)
		p := partitionOf(t, s, id)
		if want[p] == nil {
			want[p] = make(map[string][]string)
		}
		want[p][id] = ids
	}
	setOffset(t, cfg, "beyond", 1, 1000)
	h := newHandled()
	sub := subscribe(t, s, impatient("beyond", h))
	for id, ids := range want[0] {
		h.seen(t, id, ids)
	}
	eventually(t, "the partition is stopped", func() bool { return sub.Stats().Stopped == 1 })
	var off *kafka.OffsetError
	require.ErrorAs(t, sub.Err(), &off)
	require.Equal(t, int32(1), off.Partition)
	require.Equal(t, int64(1000), off.Offset)
	require.Zero(t, off.Begin)
	require.Greater(t, off.End, int64(5))
	require.ErrorContains(t, sub.Err(), "the offset of group beyond in "+topicOf(cfg)+" partition 1 is 1000, "+
		"expected one from 0 to")
	for id := range want[1] {
		require.Empty(t, h.of(id))
	}
	id := ""
	for id = range want[0] {
		break
	}
	h.seen(t, id, append(want[0][id], add(t, s, id, 2)...))
	eventually(t, "it is logged", func() bool {
		return len(logged.With("level=ERROR", "subscription has stopped a partition", "expected one from 0 to")) > 0
	})
	require.LessOrEqual(t, len(logged.With("expected one from 0 to")), 5, "once, and then ever more seldom")
	require.NoError(t, sub.Close())

	setOffset(t, cfg, "beyond", 1, 0)
	again := newHandled()
	subscribe(t, s, impatient("beyond", again))
	for id, ids := range want[1] {
		again.seen(t, id, ids)
	}
}

// partitionOf returns where a stream is stored.
func partitionOf(t testing.TB, s *kafka.Store, id string) int32 {
	t.Helper()
	for r, err := range s.ReadStream(t.Context(), stream(id), 1) {
		require.NoError(t, err)
		return r.Position.Partition
	}
	require.Fail(t, "no such stream")
	return 0
}

// If an operator sets a group's offset back, the subscription handles the events again from there.
// It also handles those that were dead letters meanwhile.
func TestSubscription_offsetSetBackAfterARedrive(t *testing.T) {
	_, cfg := fake(t)
	testOffsetSetBack(t, cfg)
}

func testOffsetSetBack(t *testing.T, cfg kafka.Config) {
	s, d := open(t, cfg), openLetters(t, cfg)
	bad, good, given := add(t, s, "bad", 4), add(t, s, "good", 3), add(t, s, "given up", 3)
	h := newHandled()
	on := poison(h, bad[1])
	failing := h.fail
	h.fail = func(r eventstore.Record) error {
		if r.ID == given[0] {
			return fmt.Errorf("unreadable: %w", eventstore.ErrUndecodable)
		}
		return failing(r)
	}
	sub := subscribe(t, s, quick("again", h))
	letters := listed(t, d, "again", len(bad)-1+len(given))
	on.Store(false)
	for _, l := range letters {
		switch {
		case l.Waiting:
		case l.Key == "bad":
			require.NoError(t, d.Redrive(t.Context(), l.ID, "mended"))
		default:
			require.NoError(t, d.Discard(t.Context(), l.ID, "a test event"))
		}
	}
	listed(t, d, "again", 0)
	h.seen(t, "good", good)
	kafkatest.Done(t, sub)
	require.NoError(t, sub.Close())

	restarted := newHandled()
	sub = subscribe(t, s, quick("again", restarted))
	eventually(t, "it has the partition", func() bool { st := sub.Stats(); return st.Partitions == 1 && st.Lag == 0 })
	require.NoError(t, sub.Close())
	require.Empty(t, restarted.of("bad"), "what is done is done")

	setOffset(t, cfg, "again", 0, 0)
	next := newHandled()
	next.fail = h.fail
	sub = subscribe(t, s, quick("again", next))
	next.seen(t, "bad", bad)
	next.seen(t, "good", good)
	next.seen(t, "given up", given[1:])
	kafkatest.Done(t, sub)
	listed(t, d, "again", 0)
	require.NoError(t, sub.Close())

	last := newHandled()
	sub = subscribe(t, s, quick("again", last))
	eventually(t, "it has the partition", func() bool { st := sub.Stats(); return st.Partitions == 1 && st.Lag == 0 })
	require.NoError(t, sub.Close())
	require.Empty(t, last.of("bad"), "it is set back once")
}

// One long trouble of a partition is one wait, through all its attempts. The subscription logs it
// less and less often, and does not call it over before it is.
func TestSubscription_oneTroubleIsOneWait(t *testing.T) {
	c, cfg := fake(t)
	var logged kafkatest.Output
	cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	s := open(t, cfg)
	id := add(t, s, "a", 1)
	var away atomic.Bool
	away.Store(true)
	c.ControlKey(int16(kmsg.OffsetFetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !away.Load() {
			return nil, nil, false
		}
		answer := r.ResponseKind().(*kmsg.OffsetFetchResponse)
		answer.ErrorCode = kerr.CoordinatorNotAvailable.Code
		return answer, nil, true
	})
	h := newHandled()
	sub := subscribe(t, s, impatient("troubled", h))
	begun := time.Now()
	eventually(t, "attempts fail", func() bool { w := sub.Waits(); return len(w) > 0 && w[0].Attempts > 3 })
	lasted := time.Since(begun)
	require.Empty(t, logged.With("subscription waits no more"))
	most := 2 + int(math.Log2(float64(lasted)/float64(50*time.Millisecond)))
	require.LessOrEqual(t, len(logged.With("msg=\"subscription waits\"")), most, "at intervals that double, in %s",
		lasted)
	away.Store(false)
	h.seen(t, "a", id)
	eventually(t, "it is over", func() bool { return len(logged.With("subscription waits no more")) == 1 })
}
