package history

import (
	"maps"
	"slices"
	"sync"
)

// Recorder keeps operations by stream, and openings.
type Recorder struct {
	mu      sync.Mutex
	now     func() int64 // nanoseconds, monotonic
	last    int64
	streams map[string][]*Op
	longest map[string][]string // stream → the longest read so far, whose memory shorter ones share
	owners  Owners
}

// NewRecorder returns an empty recorder that takes its times from now.
func NewRecorder(now func() int64) *Recorder {
	return &Recorder{
		now: now, streams: make(map[string][]*Op), longest: make(map[string][]string),
		owners: Owners{Proven: make(map[Claimed]int64)},
	}
}

// Share says that openings share the partitions. Call it before anything else.
func (r *Recorder) Share() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owners.Shared = true
}

// Begin gives the operation its id and call time and keeps it, without an answer. Call it before
// anything is sent.
func (r *Recorder) Begin(o Op) Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	o.ID, o.Return, o.Outcome = r.last, Forever, Unknown
	if o.Kind != Append {
		o.Outcome = Failed
	}
	o.Call = r.now()
	kept := o
	r.streams[o.Stream] = append(r.streams[o.Stream], &kept)
	return o
}

// End sets the operation's answer and return time. Call it after everything was received. An
// operation that is never ended has no answer.
func (r *Recorder) End(o Op) {
	returned := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	ops := r.streams[o.Stream]
	i, found := slices.BinarySearchFunc(ops, o.ID, func(k *Op, id int64) int { return int(k.ID - id) })
	if !found {
		return
	}
	o.Call, o.Return = ops[i].Call, returned
	if o.Outcome == Unknown || o.Outcome == Failed {
		o.Return = Forever // it may yet happen
	}
	if o.Outcome == Answered || o.Outcome == Appended {
		o.Seen = r.share(o.Stream, o.Seen)
	}
	*ops[i] = o
	if o.Outcome == Appended && !o.Repeated {
		c := Claimed{o.Store, o.Partition}
		r.owners.Proven[c] = max(r.owners.Proven[c], o.Call)
	}
}

// share returns the ids that were seen. All reads of the stream share their memory as long as they
// agree.
func (r *Recorder) share(stream string, seen []string) []string {
	long := r.longest[stream]
	n := min(len(seen), len(long))
	if !slices.Equal(seen[:n], long[:n]) {
		return seen
	}
	if len(seen) > len(long) {
		r.longest[stream] = seen
		return seen
	}
	return long[:n:n]
}

// Opening notes that a process is about to open a store, and returns the store's number.
func (r *Recorder) Opening(worker int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owners.Openings = append(r.owners.Openings, Opening{Worker: worker, Call: r.now(), Return: Forever})
	return len(r.owners.Openings) - 1
}

// Opened notes that the opening has returned, or that its process is gone.
func (r *Recorder) Opened(store int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.owners.Openings[store]
	if o.Return == Forever {
		o.Return, o.Opened = r.now(), ok
	}
}

// Owners returns a copy of what is known so far.
func (r *Recorder) Owners() Owners {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Owners{
		Shared: r.owners.Shared, Openings: slices.Clone(r.owners.Openings),
		Proven: maps.Clone(r.owners.Proven),
	}
}

// Streams returns the names of all streams that were asked for, in order.
func (r *Recorder) Streams() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.streams))
}

// Stream returns a copy of the stream's operations so far, by their call times.
func (r *Recorder) Stream(name string) []Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	ops := make([]Op, len(r.streams[name]))
	for i, o := range r.streams[name] {
		ops[i] = *o
	}
	return ops
}
