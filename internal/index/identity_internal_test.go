package index

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// An index is refused unless it is of the cluster and the topics that it is opened for. Inspect
// says the same as Open.
func TestOtherIdentityIsRefused(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	was := Topic{ID: "i", Partitions: 2, PartitionKey: eventstore.BeforeSlash}
	dir := t.TempDir()
	s, err := Open(dir, Identity{ClusterID: "c", Topics: map[string]Topic{"t": was}}, logger)
	require.NoError(t, err)
	value, closer, err := s.db.Get(identityKey())
	require.NoError(t, err)
	require.JSONEq(t, `{
		"Identity": {
			"ClusterID": "c",
			"Topics": {"t": {"ID": "i", "Partitions": 2, "PartitionKey": "before-slash"}}
		},
		"Slots": [{"Topic": "t", "Partition": 0}, {"Topic": "t", "Partition": 1}]
	}`, string(value))
	require.NoError(t, closer.Close())
	require.NoError(t, s.Close())

	for name, test := range map[string]struct {
		cluster   string
		topic     Topic
		found, do string
	}{
		"cluster": {
			"d", was,
			"the index of cluster c, and the brokers are of cluster d", "name the folder of this cluster's index",
		},
		"partitions": {
			"c",
			Topic{ID: "i", Partitions: 3, PartitionKey: was.PartitionKey},
			"topic t had 2 partitions and has 3", "restore the topic as it was",
		},
		"topic": {
			"c",
			Topic{ID: "j", Partitions: 2},
			"topic t had id i and has j: it was deleted and made anew",
			"or delete the folder if its events were meant to go",
		},
		"partition key": {
			"c",
			Topic{ID: "i", Partitions: 2, PartitionKey: eventstore.WholeID},
			"topic t had partition key before-slash and has whole-id",
			"configure the partition key that the events were written with",
		},
	} {
		t.Run(name, func(t *testing.T) {
			id := Identity{ClusterID: test.cluster, Topics: map[string]Topic{"t": test.topic, "new": was}}
			_, opening := Open(dir, id, logger)
			_, looking := Inspect(dir, id, logger)
			for _, err := range []error{opening, looking} {
				var unusable *UnusableError
				require.ErrorAs(t, err, &unusable)
				require.Equal(t, dir, unusable.Dir)
				require.Equal(t, test.found, unusable.Found)
				require.Contains(t, unusable.Do, test.do)
			}
		})
	}

	id := Identity{ClusterID: "c", Topics: map[string]Topic{"t": was, "u": {ID: "k", Partitions: 1}}}
	_, err = Inspect(dir, id, logger)
	require.NoError(t, err)
	s, err = Open(dir, id, logger)
	require.NoError(t, err)
	for topic, key := range map[string]eventstore.PartitionKey{"t": eventstore.BeforeSlash, "u": eventstore.WholeID} {
		p, err := s.Partition(topic, 0)
		require.NoError(t, err)
		require.Equal(t, key, p.key)
	}
	require.NoError(t, s.Close())
}
