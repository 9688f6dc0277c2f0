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
	Doing    string // what takes so long, if it is not that attempts fail
}

// Names of what takes long.
const (
	handling = "the handler runs"
	writing  = "a dead letter is written"
	reading  = "a dead letter is read"
	crowded  = "as many events as MaxInFlight allows are read and not done; no more is read before some of them are"
	spread   = "%d events are read from one that is not done on; no more is read before that one is"
	heavy    = "the events that are read and not done have %d bytes or more; no more is read before some of them are"
)

// waits is what a runner waits for. Its goroutines note it, and anybody may ask.
type waits struct {
	mu      sync.Mutex
	busy    []Wait         // by worker; Since is zero if it does nothing
	failing map[*task]Wait // what is tried again
	full    Wait           // why no more is read; Since is zero if more is
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

// reads notes why no more is read, or that more is if there is no reason.
func (w *waits) reads(full string, now func() time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if full == "" {
		w.full = Wait{}
		return
	}
	if w.full.Since.IsZero() {
		w.full.Since = now()
	}
	w.full.Doing = full
}

// Waits returns what the runner has been waiting for since a time or longer, in no order. It may be
// called by any goroutine.
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
	busy := make(map[int64]Wait, len(w.busy))
	for _, b := range w.busy {
		if !b.Since.IsZero() {
			busy[b.Record.Position.Offset] = b
		}
	}
	for _, f := range w.failing {
		offset := f.Record.Position.Offset
		if b := busy[offset]; b.Doing != handling { // a letter is written or read: that is what takes long now
			f.Doing = b.Doing
		}
		delete(busy, offset)
		add(f)
	}
	for _, b := range busy {
		add(b)
	}
	add(w.full)
	return all
}
