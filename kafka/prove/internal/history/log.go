package history

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Record is one record of the topic as a plain consumer sees it, or a marker.
type Record struct {
	Partition  int32
	Offset     int64
	ProducerID int64
	Epoch      int16
	// the control record that ends a transaction; it sets only the fields above, Coordinator and
	// Committed
	Marker        bool
	Transactional bool  // written in a transaction, which the store does not use
	Coordinator   int32 // the epoch of the coordinator that wrote the marker
	Committed     bool  // the marker ends a transaction with a commit

	Stream, Event, Value string
	Version              int64
	Time                 time.Time
	Command, Digest      string // Digest is in the first record of a commit only, if it is known

	First  int64 // of a commit of one stream: the version of its first record; otherwise 0
	Length int   // the number of that commit's records
	Index  int   // of a commit of several streams: the place in it, from 1; otherwise 0
	Size   int   // the number of that commit's records
}

// Log is what a topic holds whose commits write to one stream each. The value of an event is its
// id. The caller adds the records of a partition in offset order.
type Log struct {
	Reader

	mu      sync.Mutex
	streams map[string][]Record // those that count, by version
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{streams: make(map[string][]Record)} }

// Add adds a record. It counts if the [Reader] takes it, and if its version is the next one of its
// stream.
func (l *Log) Add(r Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.Take(r) {
		return
	}
	switch version := int64(len(l.streams[r.Stream])); {
	case r.Value != r.Event:
		l.Leave(r, fmt.Sprintf("its value is %q, expected its event id", r.Value))
	case r.Version != version+1:
		l.Leave(r, fmt.Sprintf("version %d follows version %d", r.Version, version))
	default:
		l.Count(r)
		l.streams[r.Stream] = append(l.streams[r.Stream], r)
	}
}

// Stream returns the records of the stream that count so far. They are not to be changed.
func (l *Log) Stream(name string) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	rs := l.streams[name]
	return rs[:len(rs):len(rs)]
}

// Streams returns the names of all streams with records that count so far, in order.
func (l *Log) Streams() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.streams))
}
