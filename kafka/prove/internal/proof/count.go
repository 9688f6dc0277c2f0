package proof

import (
	"sync"
	"sync/atomic"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// counters count what the progress line and the report tell.
type counters struct {
	begun, orders             atomic.Int64 // operations; those for banks
	openings, failedOpenings  atomic.Int64
	skipped, stopped, checked atomic.Int64
	early                     atomic.Int64 // answers that rest on events that were read before they were stored
	listed                    atomic.Int64 // commits that were appended in lists

	appended, repeated, conflicts, notAppended, unknown, reads, failedReads atomic.Int64
	refusals, failedRefusals                                                atomic.Int64

	mu     sync.Mutex
	faults map[string]int
}

func (c *counters) answered(op *history.Op) {
	if op.Unstored > 0 && len(op.Seen) > 0 && (op.Outcome == history.Appended || op.Outcome == history.Answered) {
		c.early.Add(1)
	}
	switch op.Outcome {
	case history.Appended:
		if op.Repeated {
			c.repeated.Add(1)
		} else {
			c.appended.Add(1)
		}
		if op.Listed {
			c.listed.Add(1)
		}
	case history.Conflict:
		c.conflicts.Add(1)
	case history.NotAppended:
		c.notAppended.Add(1)
	case history.Unknown:
		c.unknown.Add(1)
	case history.Answered:
		c.either(op, &c.refusals, &c.reads).Add(1)
	case history.Failed:
		c.either(op, &c.failedRefusals, &c.failedReads).Add(1)
	}
}

// either returns the counter of an operation that appends nothing.
func (c *counters) either(op *history.Op, ofRefusals, ofReads *atomic.Int64) *atomic.Int64 {
	if op.Kind == history.Refusal {
		return ofRefusals
	}
	return ofReads
}

// unanswered returns how many operations have had no answer at all so far.
func (c *counters) unanswered() int64 {
	return c.begun.Load() - c.appended.Load() - c.repeated.Load() - c.conflicts.Load() - c.notAppended.Load() -
		c.unknown.Load() - c.reads.Load() - c.failedReads.Load() - c.refusals.Load() - c.failedRefusals.Load()
}

func (c *counters) fault(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults[kind]++
}

func (c *counters) allFaults() (kinds map[string]int, total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kinds = make(map[string]int, len(c.faults))
	for k, n := range c.faults {
		kinds[k] = n
		total += n
	}
	return kinds, total
}
