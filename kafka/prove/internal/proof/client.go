package proof

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// slot is a place for a stream that all clients use at the time. An old or long stream is replaced.
// That keeps histories short enough to be judged while the proof goes on.
type slot struct {
	run *run

	mu      sync.Mutex
	name    string
	begun   time.Time
	version int64    // the greatest that any client has learned
	stored  []string // commands known to be stored
}

func (s *slot) stream() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.name == "" || s.version > streamEvents || time.Since(s.begun) > streamAge {
		if s.name != "" {
			s.run.retire(s.name, s.run.judgeStream)
		}
		s.name = fmt.Sprintf("stream-%d", s.run.streams.Add(1))
		s.begun, s.version, s.stored = time.Now(), 0, nil
	}
	return s.name
}

// learn notes what an answer shows.
func (s *slot) learn(op *history.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op.Stream != s.name {
		return
	}
	switch op.Outcome {
	case history.Appended:
		s.version = max(s.version, op.Last)
		if op.Command != "" && !op.Repeated {
			s.stored = append(s.stored, op.Command)
		}
	case history.Conflict:
		s.version = max(s.version, op.Actual)
	case history.Answered:
		s.version = max(s.version, int64(len(op.Seen)))
	default:
	}
}

func (s *slot) known() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// oldCommand returns a command that is stored, mostly one of the last.
func (s *slot) oldCommand(rng *rand.Rand) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.stored)
	if n == 0 {
		return ""
	}
	if rng.IntN(2) == 0 {
		return s.stored[n-1-rng.IntN(min(n, 5))]
	}
	return s.stored[rng.IntN(n)]
}

// client does one operation after the other until ctx ends.
type client struct {
	run  *run
	n    int
	rng  *rand.Rand
	done int64
}

// The bounds of a client's patience.
const (
	maxRetries  = 5
	thinkTime   = 15 * time.Millisecond // mean pause between two operations
	extraTime   = 300 * time.Millisecond
	refusedTime = 20 * time.Millisecond
)

func (c *client) work(ctx context.Context) {
	for ctx.Err() == nil {
		if c.run.awaitBusy(ctx) != nil {
			return
		}
		s := c.run.slots[c.rng.IntN(len(c.run.slots))]
		op := c.choose(s)
		c.persist(ctx, s, op)
		_ = clock.Wait(ctx, time.Duration(c.rng.Int64N(int64(2*thinkTime))))
	}
}

// choose returns the next operation.
func (c *client) choose(s *slot) history.Op {
	op := history.Op{Client: c.n, Stream: s.stream()}
	switch c.rng.IntN(10) {
	case 0, 1:
		op.Kind = history.Read
		return op
	case 2, 3:
		op.Kind = history.Refusal
		return op
	default:
	}
	op.Kind, op.Events, op.Queued = history.Append, 1+c.rng.IntN(3), c.rng.IntN(3) == 0
	op.Listed = !op.Queued && c.rng.IntN(2) == 0
	switch known, n := s.known(), c.rng.IntN(10); {
	case n == 0 && !op.Queued: // a version that is likely to be wrong
		op.Expected = max(0, known-2+c.rng.Int64N(5))
	case n < 4 || op.Queued:
		op.Expected = history.Any
	default:
		op.Expected = known
	}
	switch c.rng.IntN(10) {
	case 0, 1, 2: // no command id
	case 3: // a command that was stored long ago
		op.Command = s.oldCommand(c.rng)
	default:
		c.done++
		op.Command = fmt.Sprintf("command-%d-%d", c.n, c.done)
	}
	return op
}

// persist asks. As long as the outcome is unknown, it asks again with the same command id, perhaps
// another process.
func (c *client) persist(ctx context.Context, s *slot, op history.Op) {
	for range maxRetries {
		answer, known := c.ask(ctx, op, c.patience())
		if known {
			s.learn(&answer)
		}
		switch {
		case op.Kind != history.Append, known && answer.Outcome != history.NotAppended &&
			answer.Outcome != history.Unknown:
			return
		case known && answer.Outcome == history.NotAppended:
			if clock.Wait(ctx, refusedTime) != nil || c.rng.IntN(2) == 0 {
				return
			}
		case op.Command == "":
			return // nothing says whether it happened: a client without a command id must load and look
		}
		if ctx.Err() != nil || c.run.resting() {
			return
		}
	}
}

// ask sends the operation to one of the processes. It reports false if no answer came in time.
func (c *client) ask(ctx context.Context, op history.Op, timeout time.Duration) (history.Op, bool) {
	m := c.process(ctx)
	if m == nil {
		return op, false
	}
	return await(ctx, m.do(op, timeout), timeout)
}

// process returns one of the processes. Mostly that is the one that opened last, and sometimes one
// that has been overtaken and may not know it. process returns nil if that one has no store.
func (c *client) process(ctx context.Context) *rival {
	m := c.run.rivals[c.run.current.Load()]
	if c.run.cfg.Sharing || c.rng.IntN(4) == 0 {
		m = c.run.rivals[c.rng.IntN(len(c.run.rivals))]
	}
	if _, store := m.usable(); store == noStore {
		_ = clock.Wait(ctx, refusedTime)
		return nil
	}
	return m
}

// await waits for an answer a little longer than its process has. It reports false if none came.
func await[T any](ctx context.Context, c <-chan T, timeout time.Duration) (answer T, ok bool) {
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout+extraTime)
	defer cancel()
	select {
	case answer, ok = <-c:
	case <-patience.Done():
	}
	return answer, ok
}

// patience returns how long a client gives the process to answer.
func (c *client) patience() time.Duration {
	return []time.Duration{150 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second}[c.rng.IntN(3)]
}
