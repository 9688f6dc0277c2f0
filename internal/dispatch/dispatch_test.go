package dispatch_test

import (
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/internal/dispatch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTableKeepsTheFirstHandler(t *testing.T) {
	t.Parallel()
	var table dispatch.Table[int]
	g := reflect.TypeFor[string]()

	_, ok := table.Find(g)
	require.False(t, ok)
	_, ok = table.Add(g, "first", 1)
	require.True(t, ok)
	taken, ok := table.Add(g, "second", 2)
	require.False(t, ok)
	require.Equal(t, "first", taken)

	handle, ok := table.Find(g)
	require.True(t, ok)
	require.Equal(t, 1, handle)
}

// Goroutines find and add at the same time. Nothing else here locks, because that would hide a race
// from the race detector.
func TestTableIsSafeForGoroutines(t *testing.T) {
	t.Parallel()
	const entries, readers = 1_000, 3
	types := make([]reflect.Type, entries)
	for i := range types {
		types[i] = reflect.ArrayOf(i, reflect.TypeFor[byte]())
	}
	var table dispatch.Table[int]
	var done atomic.Bool
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for i := 0; !done.Load(); i++ {
				n := i % entries
				if handle, ok := table.Find(types[n]); ok && handle != n {
					t.Errorf("type %d has handler %d", n, handle)
					return
				}
			}
		})
	}
	for i, g := range types {
		table.Add(g, "", i)
	}
	done.Store(true)
	wg.Wait()
}
