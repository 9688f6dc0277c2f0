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
	require.True(t, handling.First(t.Context(), "a"))
	require.True(t, handling.First(t.Context(), "a"), "no handling has begun")
	for range 2 {
		ctx := handling.Begin(t.Context())
		require.True(t, handling.First(ctx, "a"))
		require.False(t, handling.First(ctx, "a"))
		require.True(t, handling.First(ctx, "b"))
	}
}

func TestFirstConcurrently(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(handling.Begin(t.Context()))
	defer cancel()
	var group sync.WaitGroup
	var first atomic.Int64
	for range 16 {
		group.Go(func() {
			if handling.First(ctx, "a") {
				first.Add(1)
			}
		})
	}
	group.Wait()
	require.Equal(t, int64(1), first.Load())
}
