package bank

import (
	"maps"
	"slices"
	"sync"
)

// Recorder keeps operations by bank.
type Recorder struct {
	mu    sync.Mutex
	now   func() int64 // nanoseconds, monotonic
	last  int64
	banks map[string][]*Op
}

// NewRecorder returns an empty recorder that takes its times from now.
func NewRecorder(now func() int64) *Recorder {
	return &Recorder{now: now, banks: make(map[string][]*Op)}
}

// Begin gives the operation its id and call time and keeps it, without an answer. Call it before
// anything is sent.
func (r *Recorder) Begin(o Op) Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	o.ID, o.Return, o.Outcome = r.last, Forever, Unknown
	if !o.Order.Writes() {
		o.Outcome = Failed
	}
	o.Call = r.now()
	kept := o
	r.banks[o.Order.Bank] = append(r.banks[o.Order.Bank], &kept)
	return o
}

// End sets the operation's answer and return time. Call it after everything was received. An
// operation that is never ended has no answer.
func (r *Recorder) End(o Op) {
	returned := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	ops := r.banks[o.Order.Bank]
	i, found := slices.BinarySearchFunc(ops, o.ID, func(k *Op, id int64) int { return int(k.ID - id) })
	if !found {
		return
	}
	o.Call, o.Return = ops[i].Call, returned
	if o.Outcome == Unknown {
		o.Return = Forever // it may yet happen
	}
	*ops[i] = o
}

// Banks returns the names of all banks that were asked for, in order.
func (r *Recorder) Banks() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.banks))
}

// Bank returns a copy of the bank's operations so far, by their call times.
func (r *Recorder) Bank(name string) []Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	ops := make([]Op, len(r.banks[name]))
	for i, o := range r.banks[name] {
		ops[i] = *o
	}
	return ops
}
