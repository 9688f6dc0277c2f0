package memory

import (
	"bytes"
	"maps"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/wake"
)

// partition is one log of a category, and the streams whose records are in it.
//
// Its slices only grow and what is in them never changes. So a slice header that was
// copied under the mutex is a snapshot that is read without it.
type partition struct {
	number int32
	moved  *wake.Bell // the category's: rung when one of its partitions has grown, or the store is closed

	mu      sync.RWMutex
	log     []eventstore.Record // by offset
	peaks   []int64             // by offset: the latest timestamp up to there, in Unix milliseconds
	streams map[string]*stream  // by aggregate id
}

// stream knows where its records are in the log of the partition.
type stream struct {
	offsets  []int64                      // by version - 1
	commands map[string]eventstore.Result // the commits of commands, by command id
}

// append takes records that passed [eventstore.Check].
func (p *partition) append(
	name eventstore.Stream, expected eventstore.Expected, records []eventstore.Record,
) (eventstore.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.streams[name.ID]
	if st == nil {
		st = &stream{commands: make(map[string]eventstore.Result)}
	}
	command := records[0].CommandID
	if first, ok := st.commands[command]; ok {
		first.Repeated = true
		return first, nil
	}
	actual := int64(len(st.offsets))
	if !expected.Met(actual) {
		return eventstore.Result{}, &eventstore.ConflictError{Stream: name, Expected: expected, Actual: actual}
	}
	commit := eventstore.Commit{First: actual + 1, Length: len(records)}
	for i, r := range records {
		r.AggregateType, r.AggregateID, r.AggregateVersion = name.Type, name.ID, commit.First+int64(i)
		r.Commit = commit
		p.add(st, r)
	}
	p.streams[name.ID] = st
	result := eventstore.Result{First: commit.First, Last: int64(len(st.offsets)), Position: p.position(len(p.log) - 1)}
	if command != "" {
		st.commands[command] = result
	}
	return result, nil
}

// add puts a copy of r, which shares nothing with it, at the end of the log and the stream.
func (p *partition) add(st *stream, r eventstore.Record) {
	r.Position = p.position(len(p.log))
	r.Timestamp = r.Timestamp.UTC().Round(0) // Round(0) drops the monotonic clock's reading
	r.Value = bytes.Clone(r.Value)
	r.Metadata = maps.Clone(r.Metadata)
	peak := r.Timestamp.UnixMilli()
	if n := len(p.peaks); n > 0 {
		peak = max(peak, p.peaks[n-1])
	}
	st.offsets = append(st.offsets, r.Position.Offset)
	p.log = append(p.log, r)
	p.peaks = append(p.peaks, peak)
}

func (p *partition) position(offset int) event.Position {
	return event.Position{Partition: p.number, Offset: int64(offset)}
}

// stream returns the log and the offsets at which it holds the records of a stream.
func (p *partition) stream(aggregateID string) (log []eventstore.Record, offsets []int64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	st := p.streams[aggregateID]
	if st == nil {
		return nil, nil
	}
	return p.log, st.offsets
}

// since returns the end of the log that begins at start.
func (p *partition) since(start eventstore.Start) []eventstore.Record {
	p.mu.RLock()
	defer p.mu.RUnlock()
	first := max(0, start.Offset(p.number))
	if start.AtEnd() {
		first = int64(len(p.log))
	}
	if t := start.Time(); !t.IsZero() {
		// The first record at t or later is the one that lifts the peak there.
		i, _ := slices.BinarySearch(p.peaks, t.UnixMilli())
		first = max(first, int64(i))
	}
	return p.log[min(first, int64(len(p.log))):]
}

// end returns the offset of the next record.
func (p *partition) end() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return int64(len(p.log))
}
