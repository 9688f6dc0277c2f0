//go:build cluster

package kafka_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

func TestSubscription_onBrokers(t *testing.T) { testSubscription(t, real(t)) }

func TestSubscription_offsetSetBack_onBrokers(t *testing.T) { testOffsetSetBack(t, real(t)) }

func TestSubscription_offsetsOutOfBounds_onBrokers(t *testing.T) {
	testOffsetsOutOfBounds(t, two(t, real(t)))
}

// realWith is real with several partitions.
func realWith(t testing.TB, partitions int32) kafka.Config {
	t.Helper()
	return storetest.Real(t, shared.Get(t).Brokers(), partitions)
}

// committed returns the group's offsets of the category, by partition.
func committed(t testing.TB, cfg kafka.Config, group string) map[int32]int64 {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V2_8_0_0
	admin, err := sarama.NewClusterAdmin(cfg.Connection.Brokers, conf)
	require.NoError(t, err)
	defer admin.Close()
	offsets, err := admin.ListConsumerGroupOffsets(group, nil)
	require.NoError(t, err)
	found := make(map[int32]int64)
	for p, b := range offsets.Blocks[topicOf(cfg)] {
		found[p] = b.Offset
	}
	return found
}

// A member that goes away during its work commits nothing that it has not handled. The next member
// gets that work.
func TestSubscription_offsetsStayBehindWhatIsNotHandled(t *testing.T) {
	cfg := real(t)
	s := open(t, cfg)
	want := add(t, s, "a", 10)
	h := newHandled()
	stuck := make(chan struct{})
	var once sync.Once
	sub := quick("stuck", h)
	sub.Handler = func(ctx context.Context, r eventstore.Record) error {
		if r.ID == want[5] {
			once.Do(func() { close(stuck) })
			<-ctx.Done()
			return ctx.Err()
		}
		return h.handle(ctx, r)
	}
	other := add(t, s, "b", 10) // these are handled meanwhile
	first := subscribe(t, s, sub)
	<-stuck
	h.seen(t, "b", other)
	require.NoError(t, first.Close())
	require.Equal(t, want[:5], h.of("a"))

	var at int64
	for r, err := range s.ReadStream(t.Context(), stream("a"), 6) {
		require.NoError(t, err)
		at = r.Position.Offset
		break
	}
	require.Equal(t, at, committed(t, cfg, "stuck")[0])
	subscribe(t, s, quick("stuck", h))
	h.seen(t, "a", want)
	h.seen(t, "b", other)
}

// Members at several stores join and leave at random while events are appended. Every event is
// handled, and each aggregate's events in order.
func TestSubscription_rebalancesLoseNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	cfg := realWith(t, 6)
	s := open(t, cfg)
	// as in separate processes, but for what the stores share here
	stores := []*kafka.Store{s, openReader(t, cfg), openReader(t, cfg)}
	h := newHandled()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	const streams = 12
	var group sync.WaitGroup
	want := make([][]string, streams)
	for i := range streams {
		group.Go(func() {
			for ctx.Err() == nil {
				want[i] = append(want[i], add(t, s, named("s", i), 1)...)
				select {
				case <-time.After(10 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	members := make([]subscription.Subscription, len(stores))
	joined := 0
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) || joined <= 3; {
		n := random.IntN(len(members))
		if m := members[n]; m == nil {
			members[n] = subscribe(t, stores[n], quick("crowd", h))
			joined++
		} else {
			require.NoError(t, m.Close())
			members[n] = nil
		}
		<-time.After(time.Duration(random.IntN(1_500)) * time.Millisecond)
	}
	cancel()
	if members[0] == nil { // somebody handles the rest
		subscribe(t, stores[0], quick("crowd", h))
	}
	group.Wait()
	total, twice := 0, 0
	for i := range want {
		h.seen(t, named("s", i), want[i])
		total += len(want[i])
		twice += len(h.of(named("s", i))) - len(want[i])
	}
	t.Logf("%d events, %d handled twice, %d joins", total, twice, joined)
}

func TestDeadLetters_onBrokers(t *testing.T) { testDeadLetters(t, real(t)) }

// Brokers are killed one after the other, among them the group's coordinator and the leaders of all
// topics. Meanwhile members handle events and set poisoned ones aside. Nothing is lost, and nothing
// good becomes a dead letter.
func TestSubscription_outlivesBrokers(t *testing.T) {
	c := kafkatest.ForTest(t, kafkatest.Config{Properties: map[string]string{"broker.session.timeout.ms": "3000"}})
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.Brokers(), RequestTimeout: 2 * time.Second},
		Topics:     topics.Config{Categories: []topics.Category{{Name: category, Partitions: 3}}},
		IndexDir:   t.TempDir(),
		Logger:     quiet(),
	}
	create(t, cfg)
	s := open(t, cfg)
	h := newHandled()
	h.fail = func(r eventstore.Record) error {
		if r.AggregateID == "bad" {
			return errors.New("poisoned")
		}
		return nil
	}
	members := []subscription.Subscription{
		subscribe(t, s, quick("survivors", h)),
		subscribe(t, s, quick("survivors", h)),
	}
	followed := make(chan []string, 1)
	want := make(map[string][]string)
	round := func() {
		for _, id := range []string{"a", "b", "c", "d", "bad"} {
			want[id] = append(want[id], add(t, s, id, 2)...)
		}
	}
	round()
	go func() {
		var got []string
		for r, err := range s.Follow(t.Context(), category, eventstore.Beginning()) {
			if err != nil {
				return
			}
			if r.AggregateID == "a" {
				if got = append(got, r.ID); len(got) == 12 {
					followed <- got
					return
				}
			}
		}
	}()
	for n := range 3 {
		require.NoError(t, c.Kill(n))
		round() // this waits until the partitions have new leaders
		require.NoError(t, c.Restart(t.Context(), n))
	}
	for id, events := range want {
		if id != "bad" {
			h.seen(t, id, events)
		}
	}
	require.Equal(t, want["a"], <-followed)
	letters := listed(t, openLetters(t, cfg), "", len(want["bad"]))
	for i, l := range letters {
		require.Equal(t, "bad", l.Key)
		require.Equal(t, i > 0, l.Waiting)
	}
	for _, m := range members {
		require.NoError(t, m.Close())
	}
}
