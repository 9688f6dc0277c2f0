package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"runtime"
	"sync"
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
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// impatient is a subscription that tells of what it waits for soon.
func impatient(group string, h *handled) subscription.Config {
	cfg := quick(group, h)
	cfg.LongWait = 50 * time.Millisecond
	return cfg
}

func TestWhatSubscriptionsWaitForIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"another instance's partition": {&kafka.NotOwnerError{Topic: "t", Owner: "billing-2:3001", Err: errors.New("not here")}, "a partition that another instance owns"},
		"an unknown type":              {fmt.Errorf("decode: %w", eventstore.ErrUnknownEvent), "a release that knows the event's type and schema"},
		"a database":                   {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, "a peer that cannot be reached"},
		"brokers":                      {fmt.Errorf("produce: %w", sarama.ErrNotEnoughReplicas), "brokers that are away"},
	} {
		t.Run(name, func(t *testing.T) {
			_, cfg := fake(t)
			var logged kafkatest.Output
			cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
			s := open(t, cfg)
			id := add(t, s, "slow", 1)
			var mu sync.Mutex
			failing := true
			h := newHandled()
			h.fail = func(r eventstore.Record) error {
				mu.Lock()
				defer mu.Unlock()
				if failing && r.AggregateID == "slow" {
					return c.err
				}
				return nil
			}
			sub := subscribe(t, s, impatient("waiters", h))
			h.seen(t, "other", add(t, s, "other", 2))
			eventually(t, "the wait is told", func() bool { return len(sub.Waits()) == 1 && sub.Waits()[0].Attempts > 3 })
			wait := sub.Waits()[0]
			require.Equal(t, subscription.Wait{
				Partition: 0, Key: "slow", EventID: id[0], EventType: "Happened", Offset: wait.Offset, Since: wait.Since, Attempts: wait.Attempts,
				Err: c.err, For: c.want,
			}, wait)
			st := sub.Stats()
			require.Equal(t, 1, st.Waiting)
			require.GreaterOrEqual(t, st.LongestWait, 50*time.Millisecond)
			require.Zero(t, st.Stopped)
			require.NoError(t, sub.Err())
			eventually(t, "the wait is logged", func() bool {
				return len(logged.With("level=WARN", "subscription waits", "group=waiters", "key=slow", "for="+fmt.Sprintf("%q", c.want), "event="+id[0])) > 0
			})
			mu.Lock()
			failing = false
			mu.Unlock()
			h.seen(t, "slow", id)
			eventually(t, "nothing is waited for", func() bool { return sub.Stats().Waiting == 0 })
			eventually(t, "so it is said", func() bool { return len(logged.With("subscription waits no more")) > 0 })
		})
	}
}

// A handler that does not come back is told of like one that fails.
func TestHandlersThatHangAreTold(t *testing.T) {
	_, cfg := fake(t)
	s := open(t, cfg)
	h := newHandled()
	hangs := make(chan struct{})
	sub := impatient("hanging", h)
	sub.Handler = func(ctx context.Context, r eventstore.Record) error {
		<-hangs
		return h.handle(ctx, r)
	}
	id := add(t, s, "a", 1)
	running := subscribe(t, s, sub)
	eventually(t, "it is told", func() bool { return len(running.Waits()) == 1 })
	require.Equal(t, "the handler runs", running.Waits()[0].For)
	require.Equal(t, "a", running.Waits()[0].Key)
	close(hangs)
	h.seen(t, "a", id)
}

// Unknown events are handled by the next release, or set aside once it took too long.
func TestUnknownEventsWaitForTheNextRelease(t *testing.T) {
	_, cfg := fake(t)
	s, d := open(t, cfg), openLetters(t, cfg)
	old := newHandled()
	old.fail = func(r eventstore.Record) error {
		if r.AggregateID == "new" {
			return fmt.Errorf("decode: %w: %w", eventstore.ErrUndecodable, eventstore.ErrUnknownEvent)
		}
		return nil
	}
	id := add(t, s, "new", 2)
	before := subscribe(t, s, impatient("releases", old))
	old.seen(t, "known", add(t, s, "known", 2))
	eventually(t, "it waits", func() bool { return before.Stats().Waiting == 1 })
	listed(t, d, "releases", 0)
	require.NoError(t, before.Close())
	next := newHandled()
	subscribe(t, s, impatient("releases", next))
	next.seen(t, "new", id)

	sub := impatient("never deployed", old)
	sub.Deployment = 200 * time.Millisecond
	subscribe(t, s, sub)
	letters := listed(t, d, "never deployed", len(id))
	require.Greater(t, letters[0].Attempts, 3)
	require.ErrorContains(t, errors.New(letters[0].Error), "does not know")
}

// setOffset sets the group's offset, as kafka-consumer-groups does.
func setOffset(t testing.TB, cfg kafka.Config, group string, partition int32, offset int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topicOf(cfg), partition, offset, -1)
	_, err := kadm.NewClient(foreigner(t, cfg)).CommitOffsets(t.Context(), group, offsets)
	require.NoError(t, err)
}

// A group's offset that its partition does not have stops that partition, and says so; the others
// are handled.
func TestOffsetsOutOfBounds(t *testing.T) {
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
	require.ErrorContains(t, sub.Err(), "the offset of group beyond in "+topicOf(cfg)+" partition 1 is 1000, expected one from 0 to")
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

// Whoever sets a group's offset back has the events handled again from there, also those that were
// dead letters meanwhile.
func TestOffsetSetBackAfterARedrive(t *testing.T) {
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

// Whatever a handler or Classify does to its goroutine, the subscription goes on.
func TestHandlersThatEndTheirGoroutine(t *testing.T) {
	_, cfg := fake(t)
	s, d := open(t, cfg), openLetters(t, cfg)
	h := newHandled()
	h.fail = func(r eventstore.Record) error {
		switch r.AggregateID {
		case "exits":
			runtime.Goexit()
		case "panics":
			panic(fmt.Errorf("dial: %w", eventstore.ErrNotOwner)) // which would be tried for ever
		case "unjudged", "unjudged exit":
			return errors.New(r.AggregateID)
		}
		return nil
	}
	sub := quick("robust", h)
	sub.Classify = func(err error) subscription.Verdict {
		switch err.Error() {
		case "unjudged":
			panic("boom")
		case "unjudged exit":
			runtime.Goexit()
		}
		return kafka.Classify(err)
	}
	for _, id := range []string{"exits", "panics", "unjudged", "unjudged exit"} {
		add(t, s, id, 1)
	}
	good := add(t, s, "good", 20)
	running := subscribe(t, s, sub)
	h.seen(t, "good", good)
	byKey := make(map[string]subscription.Letter)
	for _, l := range listed(t, d, "robust", 4) {
		byKey[l.Key] = l
		require.Equal(t, 3, l.Attempts, l.Key)
	}
	require.Contains(t, byKey["exits"].Error, "handler of group robust ended its goroutine")
	require.Contains(t, byKey["panics"].Error, "panicked")
	require.Contains(t, byKey["unjudged"].Error, "Classify of group robust panicked: boom")
	require.Contains(t, byKey["unjudged exit"].Error, "Classify of group robust ended its goroutine")
	require.NoError(t, running.Err())
}

// A handler may close its subscription, and its store: both are done once it has returned.
func TestHandlersMayClose(t *testing.T) {
	for name, closes := range map[string]func(*kafka.Store, subscription.Subscription) error{
		"the subscription": func(_ *kafka.Store, sub subscription.Subscription) error { return sub.Close() },
		"the store":        func(s *kafka.Store, _ subscription.Subscription) error { return s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			_, cfg := fake(t)
			s := open(t, cfg)
			id := add(t, s, "a", 1)
			subscribed := make(chan subscription.Subscription, 1)
			var ran sync.Map
			cfgOfSub := quick("closers", newHandled())
			cfgOfSub.Handler = func(_ context.Context, r eventstore.Record) error {
				sub := <-subscribed
				if err := closes(s, sub); err != nil {
					return err
				}
				select {
				case <-sub.Done():
					return errors.New("it ended before its handler")
				default:
				}
				ran.Store(r.ID, true)
				return nil
			}
			sub := subscribe(t, s, cfgOfSub)
			subscribed <- sub
			<-sub.Done()
			require.NoError(t, sub.Err())
			_, done := ran.Load(id[0])
			require.True(t, done, "the handler ran to its end")
			require.NoError(t, s.Close())
		})
	}
}

// A call is a handler's own only as long as it runs: others wait.
func TestCloseByOthersWaitsForTheHandler(t *testing.T) {
	_, cfg := fake(t)
	s := open(t, cfg)
	add(t, s, "a", 1)
	entered := make(chan struct{})
	returned := false
	cfgOfSub := quick("slow", newHandled())
	cfgOfSub.Handler = func(ctx context.Context, _ eventstore.Record) error {
		close(entered)
		<-ctx.Done()
		_ = clock.Wait(context.WithoutCancel(ctx), 50*time.Millisecond) // for a Close that does not wait
		returned = true
		return nil
	}
	sub := subscribe(t, s, cfgOfSub)
	<-entered
	require.NoError(t, sub.Close())
	require.True(t, returned)
}

// One long trouble of a partition is one wait, whatever the attempts do meanwhile: it is logged
// ever more seldom, and never called over before it is.
func TestOneTroubleIsOneWait(t *testing.T) {
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
	require.LessOrEqual(t, len(logged.With("msg=\"subscription waits\"")), most, "at intervals that double, in %s", lasted)
	away.Store(false)
	h.seen(t, "a", id)
	eventually(t, "it is over", func() bool { return len(logged.With("subscription waits no more")) == 1 })
}
