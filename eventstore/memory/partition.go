package memory

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/wake"
)

// partition is one log of a category, and the streams whose records are in it.
//
// Its slices only grow, and their elements never change. So a slice header that was copied under
// the mutex is a snapshot, which goroutines read without the mutex.
type partition struct {
	number int32
	moved  *wake.Bell // the category's: rung when one of its partitions has grown, or the store is closed
	now    func() time.Time

	mu      sync.RWMutex
	log     []eventstore.Record // offsets and times never go back in it
	next    int64               // the lowest offset that the next record may have
	gaps    *rand.Rand
	streams map[string]*stream // by aggregate id
}

// stream knows where its records are in the log of the partition.
type stream struct {
	places   []int              // by version - 1
	commands map[string]command // the commits of commands, by command id
}

// command is what the store keeps of a command's commit.
type command struct {
	result eventstore.Result
	digest string
}

func newPartition(number int32, moved *wake.Bell, cfg Config) *partition {
	return &partition{
		number: number, moved: moved, now: cfg.Now, streams: make(map[string]*stream),
		// As on Kafka, where the first claim's marker comes before the first event.
		next: 1,
		gaps: rand.New(rand.NewPCG(cfg.Seed, uint64(number))), //nolint:gosec // repeatable on purpose
	}
}

// append takes a commit of the stream that passed [eventstore.Check]. If read is true, the commit's
// expectation held when ReadQueued read the stream.
func (p *partition) append(name eventstore.Stream, c eventstore.Commit, read bool) (eventstore.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.streams[name.ID]
	if st == nil {
		st = &stream{commands: make(map[string]command)}
	}
	if first, ok := st.commands[c.CommandID]; ok {
		if !eventstore.SameCommand(first.digest, c.Digest) {
			return eventstore.Result{}, &eventstore.CommandReusedError{
				Stream: name, CommandID: c.CommandID, Stored: first.digest, Given: c.Digest,
			}
		}
		return first.again(), nil
	}
	actual, expected := int64(len(st.places)), c.Expected(name).Version
	switch check := len(c.Records) == 0; {
	case check && read:
		return eventstore.Result{}, nil
	case !expected.Met(actual):
		return eventstore.Result{}, &eventstore.ConflictError{Stream: name, Expected: expected, Actual: actual}
	case check:
		return eventstore.Result{}, nil
	}
	p.leaveGap()
	now := p.now().UTC()
	part := eventstore.CommitPart{First: actual + 1, Length: len(c.Records)}
	for i, r := range c.Stamped() {
		r.AggregateVersion, r.Commit = part.First+int64(i), part
		p.add(st, r, now)
	}
	p.streams[name.ID] = st
	last := p.log[len(p.log)-1]
	result := eventstore.Result{
		Streams:  []eventstore.Written{{Stream: name, First: part.First, Last: last.AggregateVersion}},
		Position: last.Position, Time: last.Timestamp,
	}
	if c.CommandID != "" {
		first := result
		first.Streams = slices.Clone(result.Streams)
		st.commands[c.CommandID] = command{first, c.Digest}
	}
	return result, nil
}

// again returns the answer to a repetition of the command. Callers may change the answer.
func (c command) again() eventstore.Result {
	r := c.result
	r.Streams = slices.Clone(r.Streams)
	r.Repeated, r.Time = true, time.Time{}
	return r
}

// One commit of so many leaves a gap before it, of so many offsets at most.
const (
	commitsPerGap = 4
	longestGap    = 3
)

// leaveGap passes over a few offsets now and then, as markers do on Kafka.
func (p *partition) leaveGap() {
	if p.gaps.IntN(commitsPerGap) == 0 {
		p.next += 1 + p.gaps.Int64N(longestGap)
	}
}

// add puts a copy of r, which shares nothing with it, at the end of the log and the stream.
func (p *partition) add(st *stream, r eventstore.Record, now time.Time) {
	r.Position = event.Position{Partition: p.number, Offset: p.next}
	p.next++
	r.Timestamp = p.timeOf(r.Timestamp, now)
	r.Value = bytes.Clone(r.Value)
	if r.Metadata = maps.Clone(r.Metadata); len(r.Metadata) == 0 {
		r.Metadata = nil
	}
	st.places = append(st.places, len(p.log))
	p.log = append(p.log, r)
}

// timeOf returns the time that a record is stored with. That is the given time, but not after now,
// and not before the time of the last record.
func (p *partition) timeOf(given, now time.Time) time.Time {
	if given.After(now) {
		given = now
	}
	if n := len(p.log); n > 0 && given.Before(p.log[n-1].Timestamp) {
		return p.log[n-1].Timestamp
	}
	return given.UTC().Round(0) // Round(0) drops the monotonic clock's reading
}

// stream returns the log and the places in it of a stream's records.
func (p *partition) stream(aggregateID string) (log []eventstore.Record, places []int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	st := p.streams[aggregateID]
	if st == nil {
		return nil, nil
	}
	return p.log, st.places
}

// since returns the part of the log that begins at start.
func (p *partition) since(start eventstore.Start) []eventstore.Record {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if start.AtEnd() {
		return nil
	}
	offset, t := start.Offset(p.number), start.Time()
	first := sort.Search(len(p.log), func(i int) bool {
		r := &p.log[i]
		return r.Position.Offset >= offset && !r.Timestamp.Truncate(time.Millisecond).Before(t)
	})
	return p.log[first:]
}

// begin returns the offset at which start is; the end of the log if nothing is behind start.
func (p *partition) begin(start eventstore.Start) int64 {
	end := p.end()
	if found := p.since(start); len(found) > 0 {
		return found[0].Position.Offset
	}
	if start.Time().IsZero() {
		return min(start.Offset(p.number), end)
	}
	return end
}

// end returns the lowest offset that the next record may have.
func (p *partition) end() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.next
}
