package index

import (
	"iter"
	"sort"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// Checkpoint is how far an index follows its partition.
type Checkpoint struct {
	Next int64     // the first offset that is not applied
	Term wire.Term // of the last marker before Next
}

// Memory is an index in memory. The zero value is not usable; see [NewMemory].
type Memory struct {
	mu         sync.RWMutex
	checkpoint Checkpoint
	log        []eventstore.Record
	latest     []time.Time       // latest[i] is the greatest timestamp of log[:i+1]
	streams    map[string][]int  // aggregate id → places in log, by version
	commands   map[[2]string]int // aggregate id, command id → place of the commit's last record
}

// NewMemory returns an index that has seen nothing.
func NewMemory() *Memory {
	return &Memory{
		checkpoint: Checkpoint{Term: wire.NoTerm()},
		streams:    make(map[string][]int),
		commands:   make(map[[2]string]int),
	}
}

// Checkpoint returns how far the index has come.
func (m *Memory) Checkpoint() Checkpoint {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.checkpoint
}

// Apply adds the records, each with its position, and moves the checkpoint.
// Versions must continue their streams': the reader rule has seen to that.
func (m *Memory) Apply(records []eventstore.Record, c Checkpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range records {
		r := &records[i]
		place := len(m.log)
		m.log = append(m.log, *r)
		latest := r.Timestamp
		if place > 0 && m.latest[place-1].After(latest) {
			latest = m.latest[place-1]
		}
		m.latest = append(m.latest, latest)
		m.streams[r.AggregateID] = append(m.streams[r.AggregateID], place)
		if r.CommandID != "" {
			m.commands[[2]string{r.AggregateID, r.CommandID}] = place
		}
	}
	m.checkpoint = c
}

// Version returns the version of the stream: the number of its events.
func (m *Memory) Version(aggregateID string) int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return int64(len(m.streams[aggregateID]))
}

// Command returns the result of the commit that the command made in the stream, and whether there is one.
func (m *Memory) Command(aggregateID, commandID string) (eventstore.Result, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	place, ok := m.commands[[2]string{aggregateID, commandID}]
	if !ok {
		return eventstore.Result{}, false
	}
	last := &m.log[place]
	return eventstore.Result{
		First:    last.Commit.First,
		Last:     last.AggregateVersion,
		Position: last.Position,
		Repeated: true,
	}, true
}

// At returns the record of the stream at a version, and whether there is one.
func (m *Memory) At(aggregateID string, version int64) (eventstore.Record, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	places := m.streams[aggregateID]
	if version < 1 || version > int64(len(places)) {
		return eventstore.Record{}, false
	}
	return m.log[places[version-1]], true
}

// Stream returns a function that calls yield with the records of the stream from a version on, as of now, until yield
// returns false.
func (m *Memory) Stream(aggregateID string, from int64) iter.Seq[eventstore.Record] {
	m.mu.RLock()
	places, log := m.streams[aggregateID], m.log
	m.mu.RUnlock()
	if from > 1 {
		places = places[min(from-1, int64(len(places))):]
	}
	return func(yield func(eventstore.Record) bool) {
		for _, place := range places {
			if !yield(log[place]) {
				return
			}
		}
	}
}

// All returns a function that calls yield with all records from start on, as of now, in the order of their offsets, until
// yield returns false.
func (m *Memory) All(partition int32, start eventstore.Start) iter.Seq[eventstore.Record] {
	m.mu.RLock()
	log, latest := m.log, m.latest
	m.mu.RUnlock()
	return func(yield func(eventstore.Record) bool) {
		offset := start.Offset(partition)
		first := sort.Search(len(log), func(i int) bool { return log[i].Position.Offset >= offset })
		if t := start.Time(); !t.IsZero() {
			since := sort.Search(len(latest), func(i int) bool { return !latest[i].Truncate(time.Millisecond).Before(t) })
			first = max(first, since)
		}
		for _, r := range log[first:] {
			if !yield(r) {
				return
			}
		}
	}
}
