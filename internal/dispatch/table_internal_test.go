package dispatch

import (
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTableFirstHandler(t *testing.T) {
	t.Parallel()
	var handlers table[int]
	g := reflect.TypeFor[string]()

	_, ok := handlers.find(g)
	require.False(t, ok)
	_, ok = handlers.add(g, "first", 1)
	require.True(t, ok)
	taken, ok := handlers.add(g, "second", 2)
	require.False(t, ok)
	require.Equal(t, "first", taken)

	handle, ok := handlers.find(g)
	require.True(t, ok)
	require.Equal(t, 1, handle)
}

// Goroutines find and add at the same time. Nothing else here locks: that would hide a race from
// the race detector.
func TestTableConcurrently(t *testing.T) {
	t.Parallel()
	const entries, readers = 1_000, 3
	types := make([]reflect.Type, entries)
	for i := range types {
		types[i] = reflect.ArrayOf(i, reflect.TypeFor[byte]())
	}
	var handlers table[int]
	var done atomic.Bool
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for i := 0; !done.Load(); i++ {
				n := i % entries
				if handle, ok := handlers.find(types[n]); ok && handle != n {
					t.Errorf("type %d has handler %d", n, handle)
					return
				}
			}
		})
	}
	for i, g := range types {
		handlers.add(g, "", i)
	}
	done.Store(true)
	wg.Wait()
}
