package handling_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/handling"
)

func TestFirst(t *testing.T) {
	t.Parallel()
	a := handling.Deed{Category: "A", Partition: 1, Offset: 2}
	others := []handling.Deed{
		{Category: "B", Partition: 1, Offset: 2},
		{Category: "A", Partition: 2, Offset: 2},
		{Category: "A", Partition: 1, Offset: 1},
		{},
	}
	require.True(t, handling.First(t.Context(), a))
	require.True(t, handling.First(t.Context(), a), "no handling has begun")
	for range 2 {
		ctx := handling.Begin(t.Context(), "why")
		require.True(t, handling.First(ctx, a))
		require.False(t, handling.First(ctx, a))
		for _, other := range others {
			require.True(t, handling.First(ctx, other))
		}
		for _, deed := range append(others, a) {
			require.False(t, handling.First(ctx, deed))
		}
	}
}

func TestCause(t *testing.T) {
	t.Parallel()
	require.Nil(t, handling.Cause[string](t.Context()))
	outer := handling.Begin(t.Context(), "why")
	inner := handling.Begin(outer, "that is why")
	require.Equal(t, "why", *handling.Cause[string](outer))
	require.Equal(t, "that is why", *handling.Cause[string](inner))
}

func TestFirstConcurrently(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(handling.Begin(t.Context(), "why"))
	defer cancel()
	var group sync.WaitGroup
	var first atomic.Int64
	for range 16 {
		group.Go(func() {
			if handling.First(ctx, handling.Deed{Offset: 1}) {
				first.Add(1)
			}
		})
	}
	group.Wait()
	require.Equal(t, int64(1), first.Load())
}
