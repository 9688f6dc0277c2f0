package history

import (
	"fmt"
	"sync"
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

	Stream, Event, Command string
	Version, First         int64
	Length                 int
}

// Log is what the topic holds. Its caller adds the records of a partition in offset order.
type Log struct {
	mu         sync.Mutex
	streams    map[string][]Record // those that count, by version
	strays     []Stray
	partitions map[int32]*logged
	markers    int
	records    int
}

// Stray is a record that does not count, and why.
type Stray struct {
	Record
	Why string
}

type logged struct {
	next    int64
	term    term
	newest  map[int64]int16 // producer id → the greatest epoch that had a marker
	markers []Record
}

type term struct {
	id    int64
	epoch int16
}

// mark applies a marker. The marker begins its term if the producer had no marker of this epoch or
// a later one before. Otherwise it changes nothing, because its term counts already or is over.
func (p *logged) mark(t term) {
	if newest, known := p.newest[t.id]; known && t.epoch <= newest {
		return
	}
	p.newest[t.id], p.term = t.epoch, t
}

// NewLog returns an empty log.
func NewLog() *Log {
	return &Log{streams: make(map[string][]Record), partitions: make(map[int32]*logged)}
}

// Add adds a record. This is the reader rule, written a second time. A record counts if
//   - it is no transaction's;
//   - it has the term of the last marker before it that began a term;
//   - its version is the next one of its stream.
func (l *Log) Add(r Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partitions[r.Partition]
	if p == nil {
		p = &logged{term: term{-1, -1}, newest: make(map[int64]int16)}
		l.partitions[r.Partition] = p
	}
	if r.Offset < p.next {
		l.strays = append(l.strays, Stray{r, fmt.Sprintf("offset %d was consumed before", r.Offset)})
		return
	}
	p.next = r.Offset + 1
	if r.Marker {
		l.markers++
		p.markers = append(p.markers, r)
		p.mark(term{r.ProducerID, r.Epoch})
		return
	}
	l.records++
	version := int64(len(l.streams[r.Stream]))
	switch {
	case r.Transactional:
		l.strays = append(l.strays, Stray{r, "it is a transaction's"})
	case r.ProducerID < 0 || p.term != term{r.ProducerID, r.Epoch}:
		l.strays = append(l.strays, Stray{r, fmt.Sprintf("written by %d/%d, the term that counts there is %d/%d",
			r.ProducerID, r.Epoch, p.term.id, p.term.epoch)})
	case r.Version != version+1:
		l.strays = append(l.strays, Stray{r, fmt.Sprintf("version %d follows version %d", r.Version, version)})
	default:
		l.streams[r.Stream] = append(l.streams[r.Stream], r)
	}
}

// Next returns the offset after the last one added of the partition.
func (l *Log) Next(partition int32) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.partitions[partition]; p != nil {
		return p.next
	}
	return 0
}

// Markers returns the markers of the partition so far, in order. They are not to be changed.
func (l *Log) Markers(partition int32) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.partitions[partition]; p != nil {
		return p.markers[:len(p.markers):len(p.markers)]
	}
	return nil
}

// Stream returns the records of the stream that count so far. They are not to be changed.
func (l *Log) Stream(name string) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	rs := l.streams[name]
	return rs[:len(rs):len(rs)]
}

// Streams returns how many records each stream has.
func (l *Log) Streams() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := make(map[string]int, len(l.streams))
	for name, rs := range l.streams {
		n[name] = len(rs)
	}
	return n
}

// Strays returns the records so far that do not count.
func (l *Log) Strays() []Stray {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Stray(nil), l.strays...)
}

// Size returns the number of records and of markers so far.
func (l *Log) Size() (records, markers int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records, l.markers
}
