package line_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

const benchCallers = 1_000

// BenchmarkQueue lets a thousand callers through the queue, each with commits to another stream.
// The owner stores nothing.
func BenchmarkQueue(b *testing.B) {
	q := line.NewQueue(line.Config{MaxCommits: 10_000, MaxBytes: 1 << 30})
	defer answering(q, func(*line.Commit) eventstore.Result { return eventstore.Result{} })()
	byCallers(b, func(caller int) {
		stream := eventstore.Stream{Category: "A", ID: fmt.Sprint(caller)}
		commit := eventstore.To(stream, eventstore.Any, benchRecord(stream))
		for range b.N / benchCallers {
			c := line.New(commit)
			if err := q.Enter(b.Context(), c); err != nil {
				b.Error(err)
			}
			<-c.Done()
		}
	})
}

// BenchmarkQueueSeveral lets a thousand callers through the queue, each with commits that rest on
// what it was shown of their streams. The owner stores them in their places. A caller starts over
// after a conflict.
func BenchmarkQueueSeveral(b *testing.B) {
	own := func(names ...string) func(int) []eventstore.Stream {
		return func(caller int) (streams []eventstore.Stream) {
			for _, name := range names {
				streams = append(streams, eventstore.Stream{Category: "A", ID: fmt.Sprintf("key/%s-%d", name, caller)})
			}
			return streams
		}
	}
	for _, bc := range []struct {
		name    string
		streams func(caller int) []eventstore.Stream
	}{
		{"one_stream", own("a")},
		{"two_streams", own("a", "b")},
		{"two_streams_one_shared", func(caller int) []eventstore.Stream {
			return append(own("a")(caller), eventstore.Stream{Category: "A", ID: "key/hot"})
		}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			ends := &endsOfStreams{versions: make(map[string]int64)}
			q := line.NewQueue(line.Config{
				Key: eventstore.BeforeSlash, MaxCommits: 10_000, MaxBytes: 1 << 30, Version: ends.version,
			})
			defer answering(q, ends.store)()
			byCallers(b, func(caller int) {
				streams := bc.streams(caller)
				for range b.N / benchCallers {
					for !ends.decide(b, q, streams) {
					}
				}
			})
		})
	}
}

// endsOfStreams are the stored ends of streams.
type endsOfStreams struct {
	mu       sync.Mutex
	versions map[string]int64
}

func (e *endsOfStreams) version(id string) (int64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.versions[id], nil
}

// store stores the commit in its place.
func (e *endsOfStreams) store(c *line.Commit) (r eventstore.Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range c.Parts() {
		e.versions[p.ID] = p.Last()
		r.Streams = append(r.Streams, eventstore.Written{
			Stream: eventstore.Stream{Category: c.Category(), ID: p.ID}, First: p.First, Last: p.Last(),
		})
	}
	return r
}

// decide looks at the ends of the streams, as a decision does. Then it lets a commit with an event
// of each through the queue. It reports false after a conflict.
func (e *endsOfStreams) decide(b *testing.B, q *line.Queue, streams []eventstore.Stream) bool {
	b.Helper()
	var commit eventstore.Commit
	var tips []line.Tip
	for _, s := range streams {
		shown, _ := q.Shown(line.Tip{ID: s.ID, Version: math.MaxInt64 - 1})
		t := line.Tip{ID: s.ID, Last: shown.Last}
		if t.Last != nil {
			t.Version = t.Last.Part(s.ID).Last()
		} else {
			t.Version, _ = e.version(s.ID) // never fails
		}
		tips = append(tips, t)
		at := eventstore.Expectation{Stream: s, Version: eventstore.Expected(t.Version)}
		commit.Expect = append(commit.Expect, at)
		commit.Records = append(commit.Records, benchRecord(s))
	}
	if len(tips) > 1 {
		if found, err := q.Stand(tips...); found.Moved != nil || err != nil {
			return false
		}
	}
	c := line.New(commit, tips...)
	if err := q.Enter(b.Context(), c); err != nil {
		return false
	}
	<-c.Done()
	return c.Stored()
}

func benchRecord(s eventstore.Stream) eventstore.Record {
	return eventstore.Record{Value: make([]byte, 200), Header: event.Header{
		ID: "e", Type: "T", Revision: 1, Timestamp: time.Unix(1, 0), Category: s.Category, AggregateID: s.ID,
	}}
}

// byCallers times a thousand callers that do something at the same time.
func byCallers(b *testing.B, do func(caller int)) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	var group sync.WaitGroup
	for n := range benchCallers {
		group.Go(func() { do(n) })
	}
	group.Wait()
	b.StopTimer()
}

// answering is an owner that answers each commit with its result. The function that it returns ends
// it.
func answering(q *line.Queue, result func(*line.Commit) eventstore.Result) (end func()) {
	ended := make(chan struct{})
	var owner sync.WaitGroup
	owner.Go(func() {
		var answers []line.Answer
		for {
			select {
			case <-q.Wake():
			case <-ended:
				return
			}
			for taken := q.Take(1<<20, 64); len(taken) > 0; taken = q.Take(1<<20, 64) {
				answers = answers[:0]
				for _, c := range taken {
					answers = append(answers, line.Answer{Commit: c, Result: result(c)})
				}
				q.Answer(answers...)
			}
		}
	})
	return func() {
		close(ended)
		owner.Wait()
	}
}
