package wake_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/internal/wake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Waiters that listen, look and wait see every step of a counter. The test hangs if one wake-up is
// lost.
func TestNoRingIsMissed(t *testing.T) {
	t.Parallel()
	const steps, waiters = 2_000, 3
	var bell wake.Bell
	var at atomic.Int64
	var seen [waiters]atomic.Int64
	var group sync.WaitGroup
	for w := range waiters {
		group.Go(func() {
			for want := int64(1); want <= steps; want++ {
				woken := make(chan struct{}, 1)
				stop := bell.Listen(woken)
				for at.Load() < want {
					<-woken
				}
				stop()
				seen[w].Store(want)
			}
		})
	}
	for want := int64(1); want <= steps; want++ {
		at.Store(want)
		bell.Ring()
		for w := range waiters {
			for seen[w].Load() < want {
				runtime.Gosched()
			}
		}
	}
	group.Wait()
}

func TestStoppedListenersHearNothing(t *testing.T) {
	t.Parallel()
	var a, b wake.Bell
	c, other := make(chan struct{}, 1), make(chan struct{}, 1)
	a.Ring() // nobody listens
	stopA, stopB, stopOther := a.Listen(c), b.Listen(c), a.Listen(other)
	a.Ring()
	b.Ring()
	require.Len(t, c, 1, "one token stands for any number of rings")
	<-c
	b.Ring()
	require.Len(t, c, 1)
	<-c
	stopA()
	stopA() // again does nothing
	a.Ring()
	require.Empty(t, c)
	require.Len(t, other, 1)
	stopB()
	stopOther()
	b.Ring()
	require.Empty(t, c)
}
