package watch_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// testGrowth adds partitions to a topic: the configuration must stay as it is.
func testGrowth(t *testing.T, cfg kafka.Config) {
	t.Helper()
	var logged bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	cfg.IndexDir = filepath.Join(t.TempDir(), "index")
	s := storetest.Open(t, cfg)
	want := make(map[string][]string)
	for i := range 20 {
		want[storetest.Named("s", i)] = storetest.Add(t, s, storetest.Named("s", i), 1)
	}
	storetest.Grow(t, cfg, 4)
	for i := range 20 {
		id := storetest.Named("s", i)
		want[id] = append(want[id], storetest.Add(t, s, id, 1)...)
	}
	require.NoError(t, s.Close())

	for _, dir := range []string{cfg.IndexDir, ""} {
		same := cfg
		same.IndexDir = dir
		again := storetest.Open(t, same)
		for id, events := range want {
			require.Equal(t, events, storetest.IDs(t, again, id))
		}
		require.NoError(t, again.Close())
		require.Contains(t, logged.String(), "topic has more partitions than are configured; they are empty, "+
			"and stay unused")
	}
	found, err := topics.Check(t.Context(), cfg.Connection, cfg.Topics)
	require.NoError(t, err)
	require.Empty(t, found[0].Differences)
	require.Equal(t, int32(2), found[0].Extra)

	grown := cfg
	grown.IndexDir = ""
	grown.Topics.Categories = []topics.Category{{Name: storetest.Category, Partitions: 4}}
	_, err = kafka.Open(t.Context(), grown)
	var corrupt *kafka.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.ErrorIs(t, err, kafka.ErrPartitionsChanged)
	require.ErrorContains(t, err, "the number of partitions or the partition key was changed after events were written")
	require.ErrorContains(t, err, "it belongs to partition")
	require.ErrorContains(t, err, " of 4: ")

	foreign := &kgo.Record{Topic: storetest.TopicOf(cfg), Partition: 3, Value: []byte("value")}
	require.NoError(t, storetest.Foreigner(t, cfg).ProduceSync(t.Context(), foreign).FirstErr())
	_, err = kafka.Open(t.Context(), cfg)
	var off *topics.Error
	require.ErrorAs(t, err, &off)
	require.ErrorContains(t, err, "partitions is 4 (partition 3 holds records, or did), expected 2")
}

func TestTopicsThatGrow(t *testing.T) {
	t.Parallel()
	_, cfg := storetest.Fake(t)
	testGrowth(t, storetest.Two(t, cfg))
}
