package kafka_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// A follower passes over records that other programs write into the topic, and goes on.
func TestFollow_passesOverForeignRecords(t *testing.T) {
	_, cfg := fake(t)
	s := open(t, cfg)
	var want []string
	add := func() {
		rs := records(2, "")
		_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, rs...))
		require.NoError(t, err)
		want = append(want, idsOf(rs)...)
	}
	add()
	var got []string
	for r, err := range s.Follow(t.Context(), category, eventstore.Beginning()) {
		require.NoError(t, err)
		got = append(got, r.ID)
		if len(got) == 20 {
			break
		}
		if len(got) == len(want) {
			if len(got)%4 == 0 {
				writeForeign(t, cfg)
			} else {
				transactForeign(t, cfg)
			}
			add()
		}
	}
	require.Equal(t, want, got)
	require.Positive(t, s.Skipped())
}

// A reader may follow a store that does not own the partition and follows the owner. It gets the
// owner's appends as soon as they have arrived.
func TestFollow_whatOthersOwn(t *testing.T) {
	_, cfg := fake(t)
	owner := open(t, cfg)
	reader := openReader(t, cfg)
	want := add(t, owner, "a", 1)
	var got []string
	for r, err := range reader.Follow(t.Context(), category, eventstore.Beginning()) {
		require.NoError(t, err)
		if got = append(got, r.ID); len(got) == 30 {
			break
		}
		if len(got) == len(want) {
			want = append(want, add(t, owner, "a", 1)...)
		}
	}
	require.Equal(t, want, got)
}

// The topic turns out to hold data that it cannot hold. Then followers end, subscriptions stop the
// partition, and both say so.
func TestFollow_endsWithGarbage(t *testing.T) {
	c, cfg := fake(t)
	term := lastTerm(c)
	open(t, cfg)
	reader := openReader(t, cfg)
	sub := subscribe(t, reader, quick("readers", newHandled()))
	eventually(t, "the subscription has the partition", func() bool { return sub.Stats().Partitions == 1 })

	ended := make(chan error, 1)
	go func() { ended <- firstError(reader.Follow(t.Context(), category, eventstore.Beginning())) }()
	offset := forge(t, cfg, term)
	var corrupt *kafka.CorruptError
	require.ErrorAs(t, <-ended, &corrupt)
	require.Equal(t, offset, corrupt.Offset)
	eventually(t, "the partition is stopped", func() bool { return sub.Stats().Stopped == 1 })
	require.ErrorAs(t, sub.Err(), &corrupt)
	require.Equal(t, offset, corrupt.Offset)
	require.True(t, sub.Waits()[0].Stopped)
	require.NoError(t, sub.Close())
}
