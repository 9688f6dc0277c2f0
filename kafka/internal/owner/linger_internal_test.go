package owner

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// An owner waits for the callers that it has answered, as long as they come back. If they do not,
// it tries only now and then. It never waits for a single caller.
func TestOwnerWaitsForThoseWhoComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &Owner{queue: newQueue(&Config{MaxWaiting: 100, MaxWaitingBytes: 1 << 30})}
		records := []eventstore.Record{{Header: event.Header{
			ID: "e", Type: "T", Revision: 1,
			Timestamp: time.Unix(1, 0),
		}}}
		come := func(n int) {
			for range n {
				require.NoError(t, o.queue.Enter(t.Context(),
					line.New(eventstore.To(eventstore.Stream{Category: "A", ID: "a"}, eventstore.Any, records...))))
			}
		}
		// waited answers so many commits after 4 ms, and returns for how long the owner waits.
		waited := func(answered int) time.Duration {
			o.linger.answered, o.linger.took = answered, 4*time.Millisecond
			begin := time.Now()
			o.lingerFor(t.Context())
			return time.Since(begin)
		}
		require.Zero(t, waited(0))
		require.Zero(t, waited(1), "one alone comes alone again")

		come(2)
		for range 3 {
			go func() {
				time.Sleep(time.Millisecond)
				come(3)
			}()
			require.Equal(t, time.Millisecond, waited(3))
		}
		require.Len(t, o.queue.Take(1<<20, 100), 11)

		require.Equal(t, 2*time.Millisecond, waited(3), "nobody comes")
		for range lingerPass {
			require.Zero(t, waited(3))
		}
		require.Equal(t, 2*time.Millisecond, waited(3), "tried again")
	})
}
