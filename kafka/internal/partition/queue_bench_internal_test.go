package partition

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// BenchmarkQueue lets a thousand callers through the queue, each with a commit to a stream of its own, and an owner that stores nothing.
func BenchmarkQueue(b *testing.B) {
	const callers = 1000
	q := newQueue(Config{MaxWaiting: 10_000, MaxWaitingBytes: 1 << 30})
	end := make(chan struct{})
	var owner sync.WaitGroup
	owner.Go(func() {
		for {
			select {
			case <-q.wake:
			case <-end:
				return
			}
			for taken := q.take(1<<20, 64); len(taken) > 0; taken = q.take(1<<20, 64) {
				q.mu.Lock()
				for _, c := range taken {
					q.finish(c, eventstore.Result{}, nil)
				}
				q.mu.Unlock()
			}
		}
	})
	records := []eventstore.Record{{Header: event.Header{ID: "e", Type: "T", Revision: 1, Timestamp: time.Unix(1, 0)}, Value: make([]byte, 200)}}
	b.ReportAllocs()
	b.ResetTimer()
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			stream := eventstore.Stream{Category: "A", ID: fmt.Sprint(n)}
			for range b.N / callers {
				c := newCommit(stream, eventstore.Any, records)
				err := q.reserve(b.Context(), c.size)
				c.own(time.Now())
				if err = errors.Join(err, q.enter(c)); err != nil {
					b.Error(err)
				}
				<-c.done
			}
		})
	}
	group.Wait()
	b.StopTimer()
	close(end)
	owner.Wait()
}
