package kafka_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// stale makes the brokers say a number of times that an offset is not in the log. A leader does so
// if it was deposed and has not noticed.
func stale(c *kfake.Cluster, times int, from int64) *kfake.FaultHandle {
	return c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Fetch}, Topic: topic, Err: kerr.OffsetOutOfRange, Count: times,
		When: func(r kmsg.Request) bool {
			for _, t := range r.(*kmsg.FetchRequest).Topics {
				for _, p := range t.Partitions {
					if p.FetchOffset >= from {
						return true
					}
				}
			}
			return false
		},
	})
}

// Readers wait until a stale answer, or a few of them, are over.
func TestRead_waitsOutStaleAnswers(t *testing.T) {
	t.Parallel()
	for _, times := range []int{1, 5} {
		t.Run("open", func(t *testing.T) {
			c, cfg := fake(t)
			s := open(t, cfg)
			want := add(t, s, "a", 2)
			require.NoError(t, s.Close())
			fault := stale(c, times, 0)
			require.Equal(t, want, ids(t, open(t, cfg), "a"))
			require.Equal(t, times, fault.Hits())
		})
		t.Run("open with an index", func(t *testing.T) {
			c, cfg := fake(t)
			cfg.IndexDir = t.TempDir()
			s := open(t, cfg)
			want := add(t, s, "a", 2)
			require.NoError(t, s.Close())
			fault := stale(c, times, 1)
			require.Equal(t, want, ids(t, open(t, cfg), "a"))
			require.Equal(t, times, fault.Hits())
		})
		t.Run("follow", func(t *testing.T) {
			c, cfg := fake(t)
			writer := open(t, cfg)
			s := openReader(t, cfg)
			fault := stale(c, times, 1)
			want := add(t, writer, "a", 2)
			eventually(t, "all has arrived", func() bool { return s.Status()[0].Next == writer.Status()[0].Next })
			require.Equal(t, want, ids(t, s, "a"))
			eventually(t, "the answers were given", func() bool { return fault.Hits() == times })
			require.NoError(t, s.Status()[0].Err)
		})
		t.Run("owner reads on", func(t *testing.T) {
			c, cfg := fake(t)
			s := open(t, cfg)
			add(t, s, "a", 1)
			writeForeign(t, cfg)
			fault := stale(c, times, 1)
			add(t, s, "a", 1)
			require.Equal(t, times, fault.Hits())
			require.Equal(t, int64(1), s.Skipped())
		})
		t.Run("read category", func(t *testing.T) {
			c, cfg := fake(t)
			s := open(t, cfg)
			want := add(t, s, "a", 2)
			fault := stale(c, times, 0)
			var got []string
			for r, err := range s.ReadCategory(t.Context(), category, eventstore.Beginning()) {
				require.NoError(t, err)
				got = append(got, r.ID)
			}
			require.Equal(t, want, got)
			require.Equal(t, times, fault.Hits())
		})
	}
}

// Records were deleted below a running index. Readers are told so at once when they read there.
func TestRead_tellsOfDeletedRecords(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	add(t, s, "a", 4)
	require.NoError(t, c.DeleteRecords(topic, 0, 3))
	var corrupt *kafka.CorruptError
	err := firstError(s.ReadCategory(t.Context(), category, eventstore.Beginning()))
	require.ErrorAs(t, err, &corrupt)
	require.True(t, errors.Is(err, kafka.ErrRecordsMissing))
	require.ErrorContains(t, err, "it has the offsets from 3 to before")
}
