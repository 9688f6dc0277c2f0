//go:build cluster

package kafka_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Real brokers lose records in the ways that they can: their topic is compacted for a while, and their disks are restored from a copy.
func TestLossesOnRealBrokers(t *testing.T) {
	c := kafkatest.ForTest(t, kafkatest.Config{Properties: map[string]string{
		"broker.session.timeout.ms": "3000", "log.cleaner.backoff.ms": "200",
	}})
	cfg := func(t *testing.T, prefix string) kafka.Config {
		cfg := kafka.Config{
			Connection: connection.Config{Brokers: c.Brokers()},
			Topics:     topics.Config{Prefix: prefix, Categories: []topics.Category{{Name: category, Partitions: 1}}},
			Logger:     quiet(),
		}
		create(t, cfg)
		return cfg
	}
	t.Run("compacted", func(t *testing.T) { testCompacted(t, cfg(t, "compacted")) })
	t.Run("grown", func(t *testing.T) { testGrowth(t, two(t, cfg(t, "before"))) })
	t.Run("restored", func(t *testing.T) {
		saved := filepath.Join(t.TempDir(), "disks")
		testRestored(t, cfg(t, "restored"), func() {
			require.NoError(t, c.KillAll())
			require.NoError(t, c.SaveDisks(saved))
			require.NoError(t, c.RestartAll(t.Context()))
		}, func() {
			require.NoError(t, c.KillAll())
			require.NoError(t, c.RestoreDisks(saved))
			require.NoError(t, c.RestartAll(t.Context()))
		})
	})
}

// testCompacted has a topic be compacted until records are gone, and sets its policy right again. A store that has
// everything in its index tells of it, and one that has not is refused.
func testCompacted(t *testing.T, cfg kafka.Config) {
	withIndex := cfg
	withIndex.IndexDir, withIndex.CheckEvery = t.TempDir(), 50*time.Millisecond
	admin := kadm.NewClient(foreigner(t, cfg))
	alter := func(settings map[string]string) {
		var changes []kadm.AlterConfig
		for name, value := range settings {
			changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: kadm.StringPtr(value)})
		}
		r, err := admin.AlterTopicConfigs(t.Context(), changes, topicOf(cfg))
		require.NoError(t, err)
		require.NoError(t, r[0].Err)
	}
	s := open(t, withIndex)
	kept := add(t, s, "x", 4)
	alter(map[string]string{
		"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "100",
	})
	eventually(t, "records are gone", func() bool {
		rs := records(1, "")
		rs[0].Timestamp = time.Now() // a segment ends with a record that is later than its first one
		_, err := s.Append(t.Context(), eventstore.To(stream("x"), eventstore.Any, rs...))
		require.NoError(t, err)
		kept = append(kept, rs[0].ID)
		return errors.Is(firstError(s.ReadCategory(t.Context(), category, eventstore.Beginning())), kafka.ErrRecordsMissing)
	})
	alter(map[string]string{"cleanup.policy": "delete"})
	eventually(t, "every broker knows the policy", func() bool { return everywhere(t, cfg, "cleanup.policy", "delete") })
	require.Equal(t, kept, ids(t, s, "x"), "whose index has read them still has them")
	require.NoError(t, s.Close())

	s = open(t, withIndex)
	incomplete(t, s)
	require.Equal(t, kept, ids(t, s, "x"))
	require.NoError(t, s.Close())

	_, err := kafka.Open(t.Context(), cfg)
	var corrupt *kafka.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.ErrorIs(t, err, kafka.ErrRecordsMissing)
	require.ErrorContains(t, err, "the topic was compacted, or its files are damaged; restore the topic, and keep cleanup.policy=delete")
}
