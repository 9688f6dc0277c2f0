package memory_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// account returns a stream of the category whose partition key is before the slash.
func account(id string) eventstore.Stream { return eventstore.Stream{Category: "Ledger", ID: id} }

// TestStorePartitionKeys shows that the streams of a partition key are in one partition, and that
// partition keys are spread as whole ids are.
func TestStorePartitionKeys(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{})
	used := make(map[int32]bool)
	for i := range 50 {
		key := fmt.Sprint("key ", i)
		var one []int32
		for _, id := range []string{key, key + "/", key + "/a", key + "/b/c"} {
			r, err := store.Append(t.Context(), eventstore.To(account(id), eventstore.NoStream, happened("1")))
			require.NoError(t, err)
			one = append(one, r.Position.Partition)
		}
		whole, err := store.Append(t.Context(),
			eventstore.To(eventstore.Stream{Category: "Account", ID: key}, eventstore.NoStream, happened("1")))
		require.NoError(t, err)
		for _, p := range one {
			require.Equal(t, whole.Position.Partition, p, "of the whole id that is the same")
		}
		used[one[0]] = true
	}
	require.Len(t, used, memory.DefaultPartitions)
}

// TestCheckWithoutTip reads a stream with another one that has a version and no tip. A check of a
// third stream without a tip is not answered by that.
func TestCheckWithoutTip(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{})
	_, at := store.ReadQueued(t.Context(), account("k/a").At(0))
	_, err := store.Append(t.Context(), eventstore.Join(at.Commit(), eventstore.To(account("k/c"), 5)))
	require.Equal(t, &eventstore.ConflictError{Stream: account("k/c"), Expected: 5}, err)

	_, err = store.Append(t.Context(), eventstore.To(account("k/a"), eventstore.NoStream, happened("1")))
	require.NoError(t, err)
	_, err = store.Append(t.Context(), eventstore.Join(at.Commit(), eventstore.To(account("k/b"), 0)))
	require.Equal(t, &eventstore.ConflictError{Stream: account("k/a"), Actual: 1}, err,
		"a version without a tip is judged now, and so are all")
}

// TestCheckReadTogether looks at what the suite leaves open: this store remembers that streams
// stood as they were read.
func TestCheckReadTogether(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{})
	a, b := account("k/a"), account("k/b")
	_, atA := store.ReadQueued(t.Context(), a.At(0))
	_, atB := store.ReadQueued(t.Context(), b.At(0), atA)
	_, err := store.Append(t.Context(), eventstore.Join(
		eventstore.To(a, eventstore.NoStream, happened("1")), eventstore.To(b, eventstore.NoStream, happened("2"))))
	require.NoError(t, err)
	for _, check := range []eventstore.Commit{
		eventstore.Join(atA.Commit(), atB.Commit()), eventstore.Join(atB.Commit(), atA.Commit()), atB.Commit(),
	} {
		_, err := store.Append(t.Context(), check)
		require.NoError(t, err, "they stood so when the second one was read")
	}
	_, again := store.ReadQueued(t.Context(), b.At(0))
	_, err = store.Append(t.Context(), eventstore.Join(atA.Commit(), again.Commit()))
	require.Equal(t, &eventstore.ConflictError{Stream: a, Actual: 1}, err)
}

// TestReadTogetherForeignTip gives tips to a store that it has not made.
func TestReadTogetherForeignTip(t *testing.T) {
	t.Parallel()
	store, other := open(t, memory.Config{}), open(t, memory.Config{})
	_, foreign := other.ReadQueued(t.Context(), account("k/a").At(0))
	_, renamed := store.ReadQueued(t.Context(), account("k/a").At(0))
	renamed.Stream = account("k/c")
	_, moved := store.ReadQueued(t.Context(), account("k/a").At(0))
	moved.Version++
	for _, with := range []eventstore.Expectation{
		foreign, renamed, moved, {Stream: account("k/a"), Tip: "tip"},
	} {
		records, at := store.ReadQueued(t.Context(), account("k/b").At(0), with)
		for _, err := range records {
			require.ErrorIs(t, err, eventstore.ErrInvalid)
			require.ErrorContains(t, err, "expected what ReadQueued of this store returned, unchanged")
		}
		_, err := store.Append(t.Context(), at.Commit(happened("1")))
		require.ErrorIs(t, err, eventstore.ErrConflict)
	}
}

// TestResultIsTheCallers changes a result. The store answers a repetition with what it was.
func TestResultIsTheCallers(t *testing.T) {
	t.Parallel()
	store := open(t, memory.Config{})
	commit := eventstore.Join(
		eventstore.To(account("k/a"), eventstore.Any, happened("1")),
		eventstore.To(account("k/b"), eventstore.Any, happened("2")))
	commit.CommandID = "c"
	want := []eventstore.Written{
		{Stream: account("k/a"), First: 1, Last: 1}, {Stream: account("k/b"), First: 1, Last: 1},
	}
	for range 3 {
		result, err := store.Append(t.Context(), commit)
		require.NoError(t, err)
		require.Equal(t, want, result.Streams)
		result.Streams[0] = eventstore.Written{}
	}
}
