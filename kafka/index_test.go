package kafka_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
)

// fetchesFrom0 counts the fetches from offset 0. Only an index that begins anew fetches from there.
func fetchesFrom0(c *kfake.Cluster) *atomic.Int64 {
	var n atomic.Int64
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Observe: true, Count: -1, When: func(r kmsg.Request) bool {
		for _, t := range r.(*kmsg.FetchRequest).Topics {
			for _, p := range t.Partitions {
				if p.FetchOffset == 0 {
					n.Add(1)
				}
			}
		}
		return true
	}})
	return &n
}

func TestIndex_resumesFromItsCheckpointAndCanBeDeleted(t *testing.T) {
	c, cfg := fake(t)
	cfg.IndexDir = filepath.Join(t.TempDir(), "index")
	s := open(t, cfg)
	rs := records(3, "command")
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, rs...))
	require.NoError(t, err)
	require.NoError(t, s.Close())

	for _, deleted := range []bool{false, true} {
		if deleted {
			require.NoError(t, os.RemoveAll(cfg.IndexDir))
		}
		begun := fetchesFrom0(c)
		s = open(t, cfg)
		require.Equal(t, deleted, begun.Load() > 0)
		require.Equal(t, idsOf(rs), ids(t, s, "a"))
		r, err := s.Append(t.Context(), eventstore.To(stream("a"), 99, records(1, "command")...))
		require.NoError(t, err)
		require.True(t, r.Repeated, "the command is known")
		require.Equal(t, int64(3), r.Last())
		require.NoError(t, s.Close())
	}
}

func TestIndex_folderThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, c *kfake.Cluster, cfg *kafka.Config)
		want  string
	}{
		"in use": {func(t *testing.T, _ *kfake.Cluster, cfg *kafka.Config) {
			open(t, *cfg)
		}, "another process uses it"},
		"no index": {func(t *testing.T, _ *kfake.Cluster, cfg *kafka.Config) {
			cfg.IndexDir = t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(cfg.IndexDir, "letters"), nil, 0o600))
		}, "it is no index; name an empty folder"},
		"broken": {func(t *testing.T, _ *kfake.Cluster, cfg *kafka.Config) {
			manifests, err := filepath.Glob(filepath.Join(cfg.IndexDir, "MANIFEST-*"))
			require.NoError(t, err)
			require.NotEmpty(t, manifests)
			for _, m := range manifests {
				require.NoError(t, os.Truncate(m, 10))
			}
		}, "delete it: it is made again from the topics"},
		"of another cluster": {func(t *testing.T, _ *kfake.Cluster, cfg *kafka.Config) {
			_, other := fake(t, kfake.ClusterID("another"))
			cfg.Connection.Brokers = other.Connection.Brokers
		}, "the brokers are of cluster another"},
		"of a topic made anew": {func(t *testing.T, c *kfake.Cluster, cfg *kafka.Config) {
			require.NoError(t, c.DeleteTopic(topic))
			_, err := topics.Create(t.Context(), cfg.Connection, cfg.Topics)
			require.NoError(t, err)
		}, "it was deleted and made anew"},
		"of a topic with fewer partitions": {func(t *testing.T, c *kfake.Cluster, cfg *kafka.Config) {
			require.NoError(t, c.DeleteTopic(topic))
			cfg.Topics.Categories = []topics.Category{{Name: category, Partitions: 2}}
			_, err := topics.Create(t.Context(), cfg.Connection, cfg.Topics)
			require.NoError(t, err)
		}, "had 1 partitions and has 2"},
	} {
		t.Run(name, func(t *testing.T) {
			fakes, cfg := fake(t)
			cfg.IndexDir = filepath.Join(t.TempDir(), "index")
			s := open(t, cfg)
			_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
			require.NoError(t, err)
			require.NoError(t, s.Close())

			c.spoil(t, fakes, &cfg)
			_, err = claimed(t.Context(), cfg)
			var unusable *kafka.IndexError
			require.ErrorAs(t, err, &unusable)
			require.Equal(t, cfg.IndexDir, unusable.Dir)
			require.ErrorContains(t, err, c.want)
		})
	}
}
