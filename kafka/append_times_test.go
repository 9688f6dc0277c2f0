package kafka_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// The times of a partition's events never go back, also from one owner to the next. None is ahead
// of the owner's clock.
func TestTimes_neverGoBack(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	cfg.IndexDir = t.TempDir()
	begun := time.Now().UTC()
	at := func(s *kafka.Store, id string, given time.Time) time.Time {
		t.Helper()
		rs := records(2, "")
		rs[0].Timestamp, rs[1].Timestamp = given, given
		_, err := s.Append(t.Context(), eventstore.To(stream(id), eventstore.NoStream, rs...))
		require.NoError(t, err)
		var stored []time.Time
		for r, err := range s.ReadStream(t.Context(), stream(id), 1) {
			require.NoError(t, err)
			stored = append(stored, r.Timestamp)
		}
		require.Equal(t, stored[0], stored[1])
		return stored[0]
	}
	old, later := time.Date(2020, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(2021, 1, 1, 0, 0, 0, 2, time.FixedZone("", 3600))
	s := open(t, cfg)
	require.Equal(t, old, at(s, "old", old))
	require.Equal(t, later.UTC(), at(s, "later", later))
	require.Equal(t, later.UTC(), at(s, "late", old))
	fast := at(s, "fast", time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
	require.False(t, fast.Before(begun))
	require.False(t, fast.After(time.Now()))
	require.Equal(t, fast, at(s, "after", old))
	require.NoError(t, s.Close())

	require.Equal(t, fast, at(open(t, cfg), "kept index", old))
	cfg.IndexDir = ""
	require.Equal(t, fast, at(open(t, cfg), "new index", old))
}
