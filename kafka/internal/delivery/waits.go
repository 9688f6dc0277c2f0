package delivery

import (
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// Wait is something that a runner has not got done yet.
type Wait struct {
	Record   eventstore.Record // what is tried; without an AggregateID, the partition as a whole waits
	Since    time.Time
	Attempts int    // that have failed
	Err      error  // of the last attempt; nil if none has failed
	Doing    string // what takes so long where no attempt has failed
}

// What takes long where no attempt has failed.
const (
	handling = "the handler runs"
	writing  = "a dead letter is written"
	reading  = "a dead letter is read"
	crowded  = "as many events as MaxInFlight allows are read and not done; no more is read before some of them are"
)

// waits is what a runner waits for. Its goroutines note it, and anybody may ask.
type waits struct {
	mu      sync.Mutex
	busy    []Wait         // by worker; Since is zero if it does nothing
	failing map[*task]Wait // what is tried again
	full    time.Time      // since when no more is read; zero if more is
}

func newWaits(workers int) *waits {
	return &waits{busy: make([]Wait, workers), failing: make(map[*task]Wait)}
}

// does notes what a worker does, from now on.
func (w *waits) does(worker int, now Wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy[worker] = now
}

// failed notes that a task will be tried again.
func (w *waits) failed(t *task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := t.Item
	w.failing[t] = Wait{Record: d.record, Since: d.begun, Attempts: d.attempts, Err: d.err}
}

// over notes that a task will not be tried again.
func (w *waits) over(t *task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.failing, t)
}

// reads notes whether more is read.
func (w *waits) reads(more bool, now func() time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case more:
		w.full = time.Time{}
	case w.full.IsZero():
		w.full = now()
	}
}

// Waits returns what the runner has been waiting for since a time or longer, in no order. It may be called by any goroutine.
func (r *Runner) Waits(since time.Time) []Wait {
	w := r.waits
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []Wait
	add := func(found Wait) {
		if !found.Since.IsZero() && !found.Since.After(since) {
			all = append(all, found)
		}
	}
	known := make(map[int64]bool, len(w.failing))
	for _, f := range w.failing {
		known[f.Record.Position.Offset] = true
		add(f)
	}
	for _, b := range w.busy {
		if !known[b.Record.Position.Offset] || b.Doing != handling {
			add(b)
		}
	}
	add(Wait{Since: w.full, Doing: crowded})
	return all
}
