package memory_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
	"github.com/fencelog/fencelog/eventstore/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, partitions := range []int{1, memory.DefaultPartitions} {
		t.Run(fmt.Sprintf("%d partitions", partitions), func(t *testing.T) {
			t.Parallel()
			eventstoretest.Run(t, func(t testing.TB) eventstore.Store {
				t.Helper()
				return open(t, memory.Config{Partitions: partitions})
			}, eventstoretest.Config{})
		})
	}
}

func open(t testing.TB, cfg memory.Config) *memory.Store {
	t.Helper()
	if cfg.Categories == nil {
		cfg.Categories = []string{"Account", "Transaction", "Ledger"}
		cfg.PartitionKeys = map[string]eventstore.PartitionKey{"Ledger": eventstore.BeforeSlash}
	}
	store, err := memory.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func happened(id string) eventstore.Record {
	return eventstore.Record{
		Header: event.Header{ID: id, Type: "Happened", Revision: 1, Timestamp: time.Unix(1_700_000_000, 0)},
		Value:  []byte("value of " + id),
	}
}

func TestNewMistakes(t *testing.T) {
	t.Parallel()
	for _, partitions := range []int{-1, memory.MaxPartitions + 1} {
		_, err := memory.New(memory.Config{Partitions: partitions})
		require.ErrorContains(t, err,
			fmt.Sprintf("Partitions is %d, expected 1 to %d", partitions, memory.MaxPartitions))
		require.ErrorContains(t, err, "no Categories, expected the categories that the store holds")
	}
	_, err := memory.New(memory.Config{Categories: []string{"Account", "Acc.ount", "Account"}})
	require.ErrorContains(t, err, `category "Account" is given twice`)
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	_, err = memory.New(memory.Config{
		Categories: []string{"Account"},
		PartitionKeys: map[string]eventstore.PartitionKey{
			"Account": eventstore.PartitionKey(7), "Order": eventstore.BeforeSlash,
		},
	})
	require.EqualError(t, err, "memory store: PartitionKeys: Account: found PartitionKey(7), expected one of "+
		"eventstore's\nPartitionKeys names category \"Order\", expected one of the Categories")
	for _, partitions := range []int{0, 1, memory.MaxPartitions} {
		open(t, memory.Config{Partitions: partitions})
	}
}

// TestStorePartitions shows that the records of a category are spread, and those of a stream are
// not.
func TestStorePartitions(t *testing.T) {
	t.Parallel()
	const streams = 200
	for _, partitions := range []int{1, 3, 0} {
		store := open(t, memory.Config{Partitions: partitions})
		if partitions == 0 {
			partitions = memory.DefaultPartitions
		}
		for i := range 2 * streams {
			stream := eventstore.Stream{Category: "Account", ID: fmt.Sprint(i % streams)}
			_, err := store.Append(t.Context(), eventstore.To(stream, eventstore.Any, happened(fmt.Sprint(i))))
			require.NoError(t, err)
		}
		count, home := make(map[int32]int), make(map[string]int32)
		for r, err := range store.ReadCategory(t.Context(), "Account", eventstore.Beginning()) {
			require.NoError(t, err)
			p := r.Position.Partition
			count[p]++
			if r.AggregateVersion > 1 {
				require.Equal(t, home[r.AggregateID], p)
			}
			home[r.AggregateID] = p
		}
		require.Len(t, count, partitions)
		for p, n := range count {
			require.Greater(t, n, streams/partitions, "partition %d has few of the %d records", p, 2*streams)
		}
	}
}

// TestAppendOffsets shows that offsets have gaps by the seed. So a caller that counts offsets fails
// here as it would on Kafka.
func TestAppendOffsets(t *testing.T) {
	t.Parallel()
	offsets := func(seed uint64) []int64 {
		store := open(t, memory.Config{Partitions: 1, Seed: seed})
		var all []int64
		for i := range 100 {
			r, err := store.Append(t.Context(),
				eventstore.To(eventstore.Stream{Category: "Account", ID: "a"}, eventstore.Expected(2*i), happened("1"),
					happened("2")))
			require.NoError(t, err)
			all = append(all, r.Position.Offset)
		}
		return all
	}
	all := offsets(1)
	require.Positive(t, all[0]-1, "as on Kafka, where a marker comes first")
	gaps := 0
	for i := range all[1:] {
		if step := all[i+1] - all[i]; step > 2 {
			gaps++
		} else {
			require.EqualValues(t, 2, step)
		}
	}
	require.Greater(t, gaps, 10)
	require.Less(t, gaps, 50)
	require.Equal(t, all, offsets(1), "of one seed")
	require.NotEqual(t, all, offsets(2), "of another seed")
}

// TestAppendTimes appends under a clock that stands still, and then goes back.
func TestAppendTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 6, 7, 8, 9, 10, time.FixedZone("ahead", 3600))
	store := open(t, memory.Config{Partitions: 1, Now: func() time.Time { return now }})
	given := func(at time.Time) time.Time {
		r := happened("1")
		r.Timestamp = at
		result, err := store.Append(t.Context(),
			eventstore.To(eventstore.Stream{Category: "Account", ID: "a"}, eventstore.Any, r))
		require.NoError(t, err)
		return result.Time
	}
	past, noon := now.Add(-time.Hour).UTC(), now.UTC()
	require.Equal(t, past, given(past))
	require.Equal(t, past, given(past.Add(-time.Nanosecond)), "times never go back")
	require.Equal(t, past.Add(time.Nanosecond), given(past.Add(time.Nanosecond).In(time.FixedZone("behind", -3600))))
	require.Equal(t, noon, given(noon.Add(time.Hour)), "nor are they later than now")
	now = past
	require.Equal(t, noon, given(noon.Add(time.Hour)), "whatever the clock does")
}

// TestReadCategoryCursor uses cursors that no reader of this store can have.
func TestReadCategoryCursor(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{Partitions: 1})
	result, err := store.Append(t.Context(),
		eventstore.To(eventstore.Stream{Category: "Account", ID: "a"}, eventstore.Any, happened("1"), happened("2")))
	require.NoError(t, err)
	last := result.Position.Offset
	for _, c := range []struct {
		last int64
		want int
	}{{-100, 2}, {-1, 2}, {last - 1, 1}, {last, 0}, {last + 1, 0}, {1 << 62, 0}} {
		n := 0
		start := eventstore.After(eventstore.Cursor{0: c.last, 7: 3})
		for _, err := range store.ReadCategory(t.Context(), "Account", start) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, c.want, n, "after offset %d", c.last)
	}
}

// TestStoreCancelCause cancels a context with a cause, and looks for it in the error.
func TestStoreCancelCause(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{})
	errBecause := errors.New("because")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBecause)
	_, err := store.Append(ctx,
		eventstore.To(eventstore.Stream{Category: "Account", ID: "a"}, eventstore.Any, happened("1")))
	require.ErrorIs(t, err, errBecause)
	require.ErrorContains(t, err, "append to Account/a")
}

// TestReadCancelled looks at what the suite leaves open: this store stops with the next record.
func TestReadCancelled(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{})
	stream := eventstore.Stream{Category: "Account", ID: "a"}
	_, err := store.Append(t.Context(),
		eventstore.To(stream, eventstore.Any, happened("1"), happened("2"), happened("3")))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, read := range []iter.Seq2[eventstore.Record, error]{
		store.ReadStream(ctx, stream, 1), store.ReadCategory(ctx, "Account", eventstore.Beginning()),
	} {
		var got []error
		for _, err := range read {
			got = append(got, err)
			cancel()
		}
		require.ErrorIs(t, got[len(got)-1], context.Canceled)
		require.LessOrEqual(t, len(got), 2)
	}
}
