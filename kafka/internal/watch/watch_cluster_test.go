//go:build cluster

package watch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
)

// As TestWatch, on real brokers.
func TestWatch_onBrokers(t *testing.T) {
	cfg := real(t)
	cfg.CheckEvery = 50 * time.Millisecond
	watched(t, cfg)
}

// As TestTopicsThatGrow, on real brokers.
func TestTopicsThatGrow_onBrokers(t *testing.T) { testGrowth(t, storetest.Two(t, real(t))) }

// A topic is compacted until records are gone, and its policy is set right again. A store that has
// everything in its index tells of it. A store without such an index does not open.
func TestPatrol_onBrokers(t *testing.T) {
	cfg := real(t)
	withIndex := cfg
	withIndex.IndexDir, withIndex.CheckEvery = t.TempDir(), 50*time.Millisecond
	admin := kadm.NewClient(storetest.Foreigner(t, cfg))
	alter := func(settings map[string]string) {
		var changes []kadm.AlterConfig
		for name, value := range settings {
			changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: kadm.StringPtr(value)})
		}
		r, err := admin.AlterTopicConfigs(t.Context(), changes, storetest.TopicOf(cfg))
		require.NoError(t, err)
		require.NoError(t, r[0].Err)
	}
	s := storetest.Open(t, withIndex)
	kept := storetest.Add(t, s, "x", 4)
	alter(map[string]string{
		"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01",
		"max.compaction.lag.ms": "100",
	})
	storetest.Eventually(t, "records are gone", func() bool {
		rs := storetest.Records(1, "")
		rs[0].Timestamp = time.Now() // a segment ends with a record that is later than its first one
		_, err := s.Append(t.Context(), eventstore.To(storetest.Stream("x"), eventstore.Any, rs...))
		require.NoError(t, err)
		kept = append(kept, rs[0].ID)
		return errors.Is(storetest.FirstError(s.ReadCategory(t.Context(), storetest.Category, eventstore.Beginning())),
			kafka.ErrRecordsMissing)
	})
	alter(map[string]string{"cleanup.policy": "delete"})
	storetest.Eventually(t, "every broker knows the policy",
		func() bool { return everywhere(t, cfg, "cleanup.policy", "delete") })
	require.Equal(t, kept, storetest.IDs(t, s, "x"), "whose index has read them still has them")
	require.NoError(t, s.Close())

	s = storetest.Open(t, withIndex)
	incomplete(t, s)
	require.Equal(t, kept, storetest.IDs(t, s, "x"))
	require.NoError(t, s.Close())

	_, err := kafka.Open(t.Context(), cfg)
	var corrupt *kafka.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.ErrorIs(t, err, kafka.ErrRecordsMissing)
	require.ErrorContains(t, err, "the topic was compacted, or its files are damaged; restore the topic, "+
		"and keep cleanup.policy=delete")
}
