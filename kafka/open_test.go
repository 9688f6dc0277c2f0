package kafka_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

func TestOpen_reportsEveryMistake(t *testing.T) {
	_, err := kafka.Open(t.Context(), kafka.Config{
		Connection: connection.Config{Brokers: []string{"localhost"}, RequestTimeout: time.Microsecond},
		Topics: topics.Config{
			Categories: []topics.Category{
				{Name: "Account"},
				{Name: "ACCOUNT"},
				{Name: "no spaces", Partitions: -1},
			},
			MinInSyncReplicas: 4,
		},
		MaxBatchBytes:     2 << 20,
		MaxWaitingCommits: -1,
		MaxWaitingBytes:   1,

		SubscriptionHeartbeat: time.Minute,
	})
	for _, want := range []string{
		`Connection.Brokers: found "localhost", expected host:port`, "Connection.RequestTimeout is 1µs",
		"Topics.Categories: Account and ACCOUNT have one topic", `"no spaces"`, "found -1 partitions",
		"Topics.MinInSyncReplicas is 4",
		"MaxBatchBytes is 2097152", "MaxWaitingCommits is -1", "MaxWaitingBytes is 1,",
		"SubscriptionSession is 30s and SubscriptionHeartbeat 1m0s",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = kafka.Open(t.Context(), kafka.Config{})
	require.ErrorContains(t, err, "Connection.Brokers is empty")
	require.ErrorContains(t, err, "Topics.Categories is empty")
}

func TestOpen_whereNoBrokerAnswers(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
	require.NoError(t, err)
	defer silent.Close()

	_, err = kafka.Open(t.Context(), kafka.Config{
		Connection: connection.Config{Brokers: []string{closed.Addr().String()}},
		Topics:     topics.Config{Categories: []topics.Category{{Name: category}}},
	})
	require.ErrorContains(t, err, "no broker of "+closed.Addr().String()+" answers")

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if c, err := silent.Accept(); err == nil {
			cancel() // the request is on its way, and nobody answers it
			defer c.Close()
		}
	}()
	_, err = kafka.Open(ctx, kafka.Config{
		Connection: connection.Config{Brokers: []string{silent.Addr().String()}},
		Topics:     topics.Config{Categories: []topics.Category{{Name: category}}},
	})
	require.ErrorIs(t, err, context.Canceled)
}

func TestOpen_namesWhatIsOffWithTheTopics(t *testing.T) {
	c, cfg := fake(t)
	cfg.Topics.Categories = []topics.Category{
		{Name: category, Partitions: 4},
		{Name: "Order"},
		{Name: "Odd", Partitions: 1},
	}
	require.NoError(t, c.CreateTopic("fencelog.odd.events", 1, map[string]string{
		"retention.ms": "1000", "cleanup.policy": "compact", "max.message.bytes": "1048587",
	}))
	_, err := kafka.Open(t.Context(), cfg)
	var off *topics.Error
	require.ErrorAs(t, err, &off)
	require.Len(t, off.Topics, 3)
	require.ErrorContains(t, err, "topic fencelog.account.events: partitions is 1, expected 4")
	require.ErrorContains(t, err, "topic fencelog.order.events is missing: create the topics")
	require.ErrorContains(t, err, "topic fencelog.odd.events: retention.ms is 1000, expected -1")
	require.ErrorContains(t, err, "topic fencelog.odd.events: cleanup.policy is compact, expected delete")
	require.ErrorContains(t, err, "topic fencelog.odd.events: max.message.bytes is 1048587, expected 1048588 or more")
}

// A topic that lost its beginning cannot be an event store's. The store refuses it, also if the
// index has read all of it.
func TestOpen_refusesATopicThatWasTruncated(t *testing.T) {
	for name, dir := range map[string]string{"index in memory": "", "index on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			c, cfg := fake(t)
			cfg.IndexDir = dir
			s := open(t, cfg)
			_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(3, "")...))
			require.NoError(t, err)
			require.NoError(t, s.Close())
			require.NoError(t, c.DeleteRecords(topic, 0, 2))

			_, err = kafka.Open(t.Context(), cfg)
			var corrupt *kafka.CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, topic, corrupt.Topic)
			require.Zero(t, corrupt.Offset)
			require.ErrorContains(t, err, "deleted")
		})
	}
}

func TestStore_doesNotKnowTheCategory(t *testing.T) {
	_, cfg := fake(t)
	s := open(t, cfg)
	other := eventstore.Stream{Category: "Order", ID: "1"}
	_, err := s.Append(t.Context(), eventstore.To(other, eventstore.Any, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.ErrorContains(t, err, `"Order"`)
	for _, err := range s.ReadStream(t.Context(), other, 1) {
		require.ErrorIs(t, err, eventstore.ErrInvalid)
	}
	for _, err := range s.ReadCategory(t.Context(), "Order", eventstore.Beginning()) {
		require.ErrorIs(t, err, eventstore.ErrInvalid)
	}
}

// Any number of commits gather while one is in flight, and each gets its answer.
func TestAppend_callersShareBatches(t *testing.T) {
	_, cfg := fake(t)
	cfg.MaxWaitingCommits = 7 // fewer than the callers: the others wait
	s := open(t, cfg)
	const callers, each = 50, 10
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for n := range each {
				_, err := s.Append(t.Context(),
					eventstore.To(stream(named("caller", i)), eventstore.Expected(n), records(1, "")...))
				if err != nil {
					t.Errorf("caller %d: %v", i, err)
				}
			}
		})
	}
	group.Wait()
	for i := range callers {
		require.Len(t, ids(t, s, named("caller", i)), each)
	}
}

func TestTaken_byTwoStoresInTurn(t *testing.T) {
	_, cfg := fake(t)
	testTakeover(t, cfg)
}

// testTakeover lets two stores take a partition from each other, ten times. The store that lost it
// says so. All that was acknowledged is there, once, in order.
func testTakeover(t *testing.T, cfg kafka.Config) {
	var want []string
	owner := open(t, cfg)
	for range 10 {
		rs := records(2, "")
		_, err := owner.Append(t.Context(), eventstore.To(stream("fought over"), eventstore.Expected(len(want)), rs...))
		require.NoError(t, err)
		want = append(want, idsOf(rs)...)

		next := open(t, cfg)
		require.Equal(t, want, ids(t, next, "fought over"))
		for range 2 { // it stays lost
			_, err = owner.Append(t.Context(),
				eventstore.To(stream("fought over"), eventstore.Expected(len(want)), records(1, "")...))
			require.ErrorIs(t, err, eventstore.ErrNotOwner)
			require.NotErrorIs(t, err, eventstore.ErrOutcomeUnknown)
			var lost *kafka.NotOwnerError
			require.ErrorAs(t, err, &lost)
			require.Equal(t, topicOf(cfg), lost.Topic)
		}
		require.NoError(t, owner.Close())
		owner = next
	}
	require.Equal(t, want, ids(t, owner, "fought over"))
	require.Zero(t, owner.Skipped())
}

// A claim that is renewed again and again stays a claim.
func TestClaim_isRenewed(t *testing.T) {
	c, cfg := fake(t)
	cfg.ClaimRenewal = 5 * time.Millisecond
	renewals := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Observe: true, Count: -1})
	s := open(t, cfg)
	for i := 0; renewals.Hits() < 5; i++ {
		_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Expected(i), records(1, "")...))
		require.NoError(t, err)
	}
	require.Zero(t, s.Skipped())
}

// All that was read before the store was closed stays. Later reads fail, also in a loop that began
// before.
func TestRead_outlivesTheStore(t *testing.T) {
	_, cfg := fake(t)
	s := open(t, cfg)
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1_000, "")...))
	require.NoError(t, err)
	byStream, byCategory := s.ReadStream(t.Context(), stream("a"), 1),
		s.ReadCategory(t.Context(), category, eventstore.Beginning())
	seen := 0
	for _, err = range s.ReadStream(t.Context(), stream("a"), 1) {
		if err != nil {
			break
		}
		if seen++; seen == 1 {
			require.NoError(t, s.Close())
		}
	}
	require.ErrorIs(t, err, eventstore.ErrClosed)
	require.Less(t, seen, 1_000)
	seen = 0
	for _, err = range byStream { // it yields what the call has read
		seen++
	}
	require.ErrorIs(t, err, eventstore.ErrClosed)
	require.Less(t, seen, 1_000)
	for _, err := range byCategory {
		require.ErrorIs(t, err, eventstore.ErrClosed)
	}
}
