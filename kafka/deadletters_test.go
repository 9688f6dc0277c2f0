package kafka_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/deadletters"
)

func openLetters(t testing.TB, cfg kafka.Config) subscription.DeadLetters {
	t.Helper()
	d, err := deadletters.Open(t.Context(), cfg.Connection, cfg.Topics)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// listed waits until n letters are listed, and returns them.
func listed(t testing.TB, d subscription.DeadLetters, handler string, n int) []subscription.Letter {
	t.Helper()
	var all []subscription.Letter
	eventually(t, fmt.Sprintf("%d dead letters", n), func() bool {
		var err error
		all, err = d.List(t.Context(), handler)
		require.NoError(t, err)
		return len(all) == n
	})
	return all
}

func whats(t testing.TB, d subscription.DeadLetters, id subscription.LetterID) []string {
	t.Helper()
	_, traces, err := d.Show(t.Context(), id)
	require.NoError(t, err)
	var all []string
	for _, tr := range traces {
		all = append(all, tr.What)
	}
	return all
}

// asStored returns the record of the topic at an offset, as an independent client reads it.
func asStored(t testing.TB, cfg kafka.Config, offset int64) *kgo.Record {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(cfg.Connection.Brokers...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			topicOf(cfg): {0: kgo.NewOffset().At(offset)},
		}))
	require.NoError(t, err)
	defer c.Close()
	fetched := c.PollRecords(t.Context(), 1)
	require.NoError(t, fetched.Err())
	require.Equal(t, offset, fetched.Records()[0].Offset)
	return fetched.Records()[0]
}

// A member first reads which events of a partition were set aside, however long that takes. It
// handles nothing of the partition before.
func TestDeadLetters_areKnownBeforeAnythingIsHandled(t *testing.T) {
	c, cfg := fake(t)
	made, err := cfg.Topics.All()
	require.NoError(t, err)
	s, d := open(t, cfg), openLetters(t, cfg)
	bad := add(t, s, "bad", 1)
	h := newHandled()
	poison(h, bad[0])
	require.NoError(t, func() error {
		sub := subscribe(t, s, quick("patient", h))
		listed(t, d, "patient", 1)
		return sub.Close()
	}())
	bad = append(bad, add(t, s, "bad", 1)...)

	known := make(chan struct{})
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if f := r.(*kmsg.FetchRequest); len(f.Topics) == 1 && f.Topics[0].Topic == made[len(made)-1].Name {
			c.SleepControl(func() { <-known })
		}
		return nil, nil, false
	})
	sub := subscribe(t, s, quick("patient", h))
	eventually(t, "it has the partition", func() bool { return sub.Stats().Partitions == 1 })
	require.NoError(t, clock.Wait(t.Context(), 200*time.Millisecond)) // for handling that should not happen
	close(known)
	for _, l := range listed(t, d, "patient", len(bad)) {
		require.Equal(t, "bad", l.Key)
	}
	require.Empty(t, h.of("bad"))
}

// poison makes the handler fail with one event for as long as it is switched on.
func poison(h *handled, id string) *atomic.Bool {
	var on atomic.Bool
	on.Store(true)
	h.fail = func(r eventstore.Record) error {
		if r.ID == id && on.Load() {
			return errors.New("poisoned")
		}
		return nil
	}
	return &on
}

func TestDeadLetters(t *testing.T) {
	_, cfg := fake(t)
	testDeadLetters(t, cfg)
}

// testDeadLetters checks that an event is set aside byte for byte as it is in its topic. If a
// record of the dead-letter topic is no letter, readers pass over it.
func testDeadLetters(t *testing.T, cfg kafka.Config) {
	made, err := cfg.Topics.All()
	require.NoError(t, err)
	foreign := &kgo.Record{Topic: made[len(made)-1].Name, Value: []byte("no dead letter")}
	require.NoError(t, foreigner(t, cfg).ProduceSync(t.Context(), foreign).FirstErr())
	s, d := open(t, cfg), openLetters(t, cfg)
	bad := add(t, s, "bad", 4)
	h := newHandled()
	poison(h, bad[2])
	subscribe(t, s, quick("keepers", h))
	for _, l := range listed(t, d, "keepers", len(bad)-2) {
		whole, _, err := d.Show(t.Context(), l.ID)
		require.NoError(t, err)
		stored := asStored(t, cfg, l.ID.Offset)
		require.Equal(t, string(stored.Key), whole.AggregateID)
		require.Equal(t, stored.Value, whole.Value)
		require.Len(t, whole.Headers, len(stored.Headers))
		for i, header := range stored.Headers {
			require.Equal(t, header.Key, whole.Headers[i].Name)
			require.Equal(t, header.Value, whole.Headers[i].Value)
		}
	}
}

// A process that works on many letters reads each of them once. A request costs as much as one
// letter costs.
func TestDeadLetters_requestsReadWhatIsNewAlone(t *testing.T) {
	c, cfg := fake(t)
	made, err := cfg.Topics.All()
	require.NoError(t, err)
	name := made[len(made)-1].Name
	s, d := open(t, cfg), openLetters(t, cfg)
	h := newHandled()
	h.fail = func(eventstore.Record) error { return eventstore.ErrUndecodable }
	const many = 50
	for i := range many {
		add(t, s, named("bad", i), 1)
	}
	sub := subscribe(t, s, quick("many", h))
	letters := listed(t, d, "many", many)
	require.NoError(t, sub.Close())

	var lowest atomic.Int64 // the lowest offset that was fetched
	lowest.Store(many * 10)
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, asked := range r.(*kmsg.FetchRequest).Topics {
			for _, p := range asked.Partitions {
				if asked.Topic == name {
					lowest.Store(min(lowest.Load(), p.FetchOffset))
				}
			}
		}
		return nil, nil, false
	})
	for i, l := range letters[:10] {
		if i%2 == 0 {
			require.NoError(t, d.Redrive(t.Context(), l.ID, "mended"))
		} else {
			require.NoError(t, d.Discard(t.Context(), l.ID, "a test event"))
		}
	}
	require.GreaterOrEqual(t, lowest.Load(), int64(many), "no letter was read again")
	lowest.Store(many * 10)
	_, traces, err := d.Show(t.Context(), letters[20].ID)
	require.NoError(t, err)
	require.Len(t, traces, 1)
	require.GreaterOrEqual(t, lowest.Load(), int64(20), "one letter was read")
	require.Len(t, listed(t, d, "many", many-5), many-5)
}
