package watch_test

import (
	"bytes"
	"errors"
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
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// compacted lets the brokers compact the topic once, and sets its policy right again.
func compacted(t testing.TB, c *kfake.Cluster, cfg kafka.Config) {
	t.Helper()
	setTopic(t, cfg, "cleanup.policy", "compact")
	c.Compact()
	setTopic(t, cfg, "cleanup.policy", "delete")
}

// incomplete waits until the store says that the log of partition 0 lacks records.
func incomplete(t testing.TB, s *kafka.Store) topics.Problem {
	t.Helper()
	return one(t, s, "log of partition 0 is without", "expected whole", "compacted for a while",
		"the index still has them", "restore the topic from a copy")
}

// looks waits until the store has looked so many times more, or more often.
func looks(t testing.TB, s *kafka.Store, times int) {
	t.Helper()
	for range times {
		seen := s.TopicHealth().Looked
		storetest.Eventually(t, "it looks again", func() bool { return s.TopicHealth().Looked.After(seen) })
	}
}

// A topic was compacted while no store ran. It has the right settings again, and the index still
// has everything. Only the log shows it.
func TestPatrol_ofATopicThatWasCompactedWhileNoStoreRan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		commits, records int
		says             string
	}{
		"batches are gone":            {commits: 40, records: 1, says: "without the records from offset "},
		"records of a batch are gone": {commits: 1, records: 40, says: "without 39 of the 40 records from offset "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, cfg := storetest.Fake(t)
			var told changes
			cfg.CheckEvery, cfg.IndexDir, cfg.Hooks.Topic = 10*time.Millisecond, t.TempDir(), told.note
			s := storetest.Open(t, cfg)
			var kept []string
			for range c.commits {
				rs := storetest.Records(c.records, "")
				_, err := s.Append(t.Context(), eventstore.To(storetest.Stream("x"), eventstore.Any, rs...))
				require.NoError(t, err)
				kept = append(kept, storetest.IDsOf(rs)...)
			}
			storetest.Add(t, s, "another", 1)
			looks(t, s, 20)
			require.Empty(t, s.TopicHealth().Problems)
			require.NoError(t, s.Close())
			compacted(t, cluster, cfg)

			var logged bytes.Buffer
			cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
			s = storetest.Open(t, cfg)
			found := incomplete(t, s)
			require.Equal(t, storetest.TopicOf(cfg), found.Topic)
			require.Contains(t, found.Found, c.says)
			require.False(t, found.Mended)
			kept = append(kept, storetest.Add(t, s, "x", 1)...)
			require.Equal(t, kept, storetest.IDs(t, s, "x"),
				"streams are whole in the index, and the partition goes on")
			require.ErrorIs(t, storetest.FirstError(s.ReadCategory(t.Context(), storetest.Category,
				eventstore.Beginning())),
				kafka.ErrRecordsMissing)
			looks(t, s, 5)
			require.Equal(t, []topics.Problem{found}, s.TopicHealth().Problems, "it stays, as it was found first")
			require.NoError(t, s.Close())
			require.Equal(t, []topics.Change{{Problem: found}}, told.told(), "once")
			require.Contains(t, logged.String(), "level=ERROR")
			require.Contains(t, logged.String(), found.Found)

			incomplete(t, storetest.OpenReader(t, cfg)) // it is looked at again, and told again
		})
	}
}

// A topic that is compacted between two looks, too, has the right settings whenever the store
// looks.
func TestPatrol_ofATopicThatWasCompactedBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	c, cfg := storetest.Fake(t)
	cfg.CheckEvery = 10 * time.Millisecond
	s := storetest.Open(t, cfg)
	kept := storetest.Add(t, s, "x", 40)
	looks(t, s, 2)

	between, waits := make(chan struct{}), make(chan struct{})
	var waiting sync.Once
	c.ControlKey(int16(kmsg.DescribeConfigs), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		c.SleepControl(func() {
			waiting.Do(func() { close(waits) })
			<-between
		})
		return nil, nil, false
	})
	<-waits
	compacted(t, c, cfg)
	close(between)
	incomplete(t, s)
	require.Equal(t, kept, storetest.IDs(t, s, "x"))
}

// patrolled counts the probes of a store, and its looks.
type patrolled struct {
	probes, requests, looks atomic.Int64
	counts                  atomic.Bool
	fails                   atomic.Bool
}

func newPatrolled(c *kfake.Cluster) *patrolled {
	p := new(patrolled)
	c.Control(func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		f, isFetch := r.(*kmsg.FetchRequest)
		probe := isFetch && f.MaxBytes == 1
		if _, look := r.(*kmsg.DescribeConfigsRequest); look {
			p.looks.Add(1)
		}
		if p.counts.Load() && (probe || !isFetch) { // the other fetches are those of followers
			p.requests.Add(1)
		}
		if !probe {
			return nil, nil, false
		}
		p.probes.Add(1)
		if p.fails.Load() {
			return nil, errors.New("going away"), true // and the connection is closed
		}
		return nil, nil, false
	})
	return p
}

// A log with other programs' transactions, aborted ones among them, is whole. Looking at it costs
// what the documentation says.
func TestPatrol_ofALogThatIsWhole(t *testing.T) {
	t.Parallel()
	c, cfg := storetest.Fake(t)
	cfg.Topics.Prefix, cfg.Topics.Categories = "whole", []topics.Category{{Name: storetest.Category, Partitions: 2}}
	kafkatest.Topics(t, cfg)
	writer := storetest.Open(t, cfg)
	for i := range 8 { // in both partitions
		storetest.Add(t, writer, storetest.Named("x", i), 5)
	}
	require.NoError(t, writer.Close())
	foreign := storetest.Foreigner(t, cfg, kgo.TransactionalID("foreign"))
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		require.NoError(t, foreign.BeginTransaction())
		require.NoError(t, foreign.ProduceSync(t.Context(), storetest.Garbage(cfg), storetest.Garbage(cfg)).FirstErr())
		require.NoError(t, foreign.EndTransaction(t.Context(), end))
	}

	p := newPatrolled(c)
	cfg.CheckEvery = 100 * time.Millisecond // the first look is after what opening asks
	s := storetest.OpenReader(t, cfg)
	before, opened := p.probes.Load(), p.looks.Load()
	p.counts.Store(true)
	looks(t, s, 20)
	probes, times := p.probes.Load()-before, p.looks.Load()-opened
	t.Logf("%d looks at %d partitions: %d probes, %d requests in all", times, 2, probes, p.requests.Load())
	require.Empty(t, s.TopicHealth().Problems)
	require.NoError(t, s.TopicHealth().Err)
	first, each := int64(2*8), int64(2)
	require.InDelta(t, first+(times-1)*each, probes, float64(each), "a look is under way, maybe")
}

// The patrol asks nothing about an empty partition.
func TestPatrol_ofAnEmptyPartition(t *testing.T) {
	t.Parallel()
	c, cfg := storetest.Fake(t)
	p := newPatrolled(c)
	cfg.CheckEvery = 10 * time.Millisecond
	s := storetest.OpenReader(t, cfg)
	before := p.probes.Load()
	looks(t, s, 10)
	require.Equal(t, before, p.probes.Load())
	require.Empty(t, s.TopicHealth().Problems)
}

// A broker that does not answer says nothing of the log.
func TestPatrol_whileBrokersDoNotAnswer(t *testing.T) {
	t.Parallel()
	c, cfg := storetest.Fake(t)
	s := storetest.Open(t, cfg)
	storetest.Add(t, s, "x", 4)
	require.NoError(t, s.Close())
	p := newPatrolled(c)
	cfg.CheckEvery, cfg.Connection.RequestTimeout = 10*time.Millisecond, 100*time.Millisecond
	s = storetest.OpenReader(t, cfg)
	looks(t, s, 2)
	p.fails.Store(true)
	storetest.Eventually(t, "it says that it cannot look", func() bool { return s.TopicHealth().Err != nil })
	require.ErrorContains(t, s.TopicHealth().Err, "fetch the batch at offset")
	require.Empty(t, s.TopicHealth().Problems)
	p.fails.Store(false)
	storetest.Eventually(t, "it looks again", func() bool { return s.TopicHealth().Err == nil })
	looks(t, s, 2)
	require.Empty(t, s.TopicHealth().Problems)
}
