package memory_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
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

func TestNewRefusesBadConfig(t *testing.T) {
	t.Parallel()
	for _, partitions := range []int{-1, memory.MaxPartitions + 1} {
		_, err := memory.New(memory.Config{Partitions: partitions})
		require.ErrorContains(t, err, fmt.Sprintf("Partitions is %d, expected 1 to %d", partitions, memory.MaxPartitions))
	}
	for _, partitions := range []int{0, 1, memory.MaxPartitions} {
		open(t, memory.Config{Partitions: partitions})
	}
}

// TestPartitions shows that a category's records are spread, and a stream's are not.
func TestPartitions(t *testing.T) {
	t.Parallel()
	const streams = 200
	for _, partitions := range []int{1, 3, 0} {
		store := open(t, memory.Config{Partitions: partitions})
		if partitions == 0 {
			partitions = memory.DefaultPartitions
		}
		for i := range 2 * streams {
			stream := eventstore.Stream{Type: "Account", ID: fmt.Sprint(i % streams)}
			_, err := store.Append(t.Context(), stream, eventstore.Any, happened(fmt.Sprint(i)))
			require.NoError(t, err)
		}
		next, home := make(map[int32]int64), make(map[string]int32)
		for r, err := range store.ReadCategory(t.Context(), "Account", eventstore.Beginning()) {
			require.NoError(t, err)
			p := r.Position.Partition
			require.Equal(t, next[p], r.Position.Offset, "offsets of a partition count from 0")
			next[p]++
			if r.AggregateVersion > 1 {
				require.Equal(t, home[r.AggregateID], p)
			}
			home[r.AggregateID] = p
		}
		require.Len(t, next, partitions)
		for p, n := range next {
			require.Greater(t, int(n), streams/partitions, "partition %d has few of the %d records", p, 2*streams)
		}
	}
}

func TestEveryCategoryExists(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{})
	for _, err := range store.ReadCategory(t.Context(), "Nobody-has-heard-of-it", eventstore.Beginning()) {
		require.Fail(t, "an empty category yields a pair", err)
	}
}

// TestCursorOutOfRange uses cursors that no reader of this store can have.
func TestCursorOutOfRange(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{Partitions: 1})
	_, err := store.Append(t.Context(), eventstore.Stream{Type: "Account", ID: "a"}, eventstore.Any, happened("1"), happened("2"))
	require.NoError(t, err)
	for _, c := range []struct {
		last int64
		want int
	}{{-100, 2}, {-1, 2}, {0, 1}, {1, 0}, {2, 0}, {1 << 62, 0}} {
		n := 0
		start := eventstore.After(eventstore.Cursor{0: c.last, 7: 3})
		for _, err := range store.ReadCategory(t.Context(), "Account", start) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, c.want, n, "after offset %d", c.last)
	}
}

// TestReadOutlivesClose holds what the doc comment of Close says.
func TestReadOutlivesClose(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{})
	stream := eventstore.Stream{Type: "Account", ID: "a"}
	_, err := store.Append(t.Context(), stream, eventstore.Any, happened("1"))
	require.NoError(t, err)
	read := store.ReadStream(t.Context(), stream, 1)
	require.NoError(t, store.Close())
	n := 0
	for r, err := range read {
		require.NoError(t, err)
		require.Equal(t, "1", r.ID)
		n++
	}
	require.Equal(t, 1, n)
}

// TestErrorsSayWhy looks at what an error says of a context that was cancelled for a reason.
func TestErrorsSayWhy(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{})
	errBecause := errors.New("because")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBecause)
	_, err := store.Append(ctx, eventstore.Stream{Type: "Account", ID: "a"}, eventstore.Any, happened("1"))
	require.ErrorIs(t, err, errBecause)
	require.ErrorContains(t, err, "append to Account/a")
}

// TestCancelWhileReading holds what the suite leaves open: this store stops with the next record.
func TestCancelWhileReading(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{})
	stream := eventstore.Stream{Type: "Account", ID: "a"}
	_, err := store.Append(t.Context(), stream, eventstore.Any, happened("1"), happened("2"), happened("3"))
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

// TestFirstAppendsAtOnce makes categories from many goroutines.
func TestFirstAppendsAtOnce(t *testing.T) {
	t.Parallel()
	const appenders, rounds = 8, 20
	store := open(t, memory.Config{Partitions: memory.MaxPartitions / 5}) // so many take a while to make
	for round := range rounds {
		category, start := fmt.Sprint("Category", round), make(chan struct{})
		var group sync.WaitGroup
		for n := range appenders {
			group.Go(func() {
				<-start
				stream := eventstore.Stream{Type: category, ID: fmt.Sprint(n)}
				if _, err := store.Append(t.Context(), stream, eventstore.NoStream, happened("x")); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		group.Wait()
		n := 0
		for _, err := range store.ReadCategory(t.Context(), category, eventstore.Beginning()) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, appenders, n)
	}
}
