package line_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// BenchmarkQueue lets a thousand callers through the queue, each with commits to another stream.
// The owner stores nothing.
func BenchmarkQueue(b *testing.B) {
	const callers = 1000
	q := line.NewQueue(line.Config{MaxCommits: 10_000, MaxBytes: 1 << 30})
	end := make(chan struct{})
	var owner sync.WaitGroup
	owner.Go(func() {
		var answers []line.Answer
		for {
			select {
			case <-q.Wake():
			case <-end:
				return
			}
			for taken := q.Take(1<<20, 64); len(taken) > 0; taken = q.Take(1<<20, 64) {
				answers = answers[:0]
				for _, c := range taken {
					answers = append(answers, line.Answer{Commit: c})
				}
				q.Answer(answers...)
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
				c := line.New(stream, eventstore.Any, records)
				if err := q.Enter(b.Context(), c); err != nil {
					b.Error(err)
				}
				<-c.Done()
			}
		})
	}
	group.Wait()
	b.StopTimer()
	close(end)
	owner.Wait()
}
