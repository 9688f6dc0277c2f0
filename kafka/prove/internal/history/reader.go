package history

import (
	"fmt"
	"sync"
	"time"
)

// Reader is the part of the reader rule that needs no commits, written a second time. It judges the
// records of a topic by their partitions. A record counts only if
//   - it is no transaction's;
//   - it has the term of the last marker before it that began a term.
//
// A log has a Reader and decides the rest: it calls Take with each record, and then Count or Leave
// if Take returns true.
type Reader struct {
	mu         sync.Mutex
	partitions map[int32]*partition
	strays     []Stray
	late       []Stray
	markers    int
	records    int
}

// Stray is a record that does not count, or has another fault, and why.
type Stray struct {
	Record
	Why string
}

// partition is what was read of a partition.
type partition struct {
	next    int64
	term    term
	newest  map[int64]int16 // producer id → the greatest epoch that had a marker
	markers []Record
	time    time.Time // of the last record that counts
}

type term struct {
	id    int64
	epoch int16
}

// mark applies a marker. The marker begins its term if the producer had no marker of this epoch or
// a later one before. Otherwise it changes nothing, because its term counts already or is over.
func (p *partition) mark(t term) {
	if newest, known := p.newest[t.id]; known && t.epoch <= newest {
		return
	}
	p.newest[t.id], p.term = t.epoch, t
}

// of returns the partition. r.mu is held.
func (r *Reader) of(n int32) *partition {
	p := r.partitions[n]
	if p == nil {
		p = &partition{term: term{-1, -1}, newest: make(map[int64]int16)}
		if r.partitions == nil {
			r.partitions = make(map[int32]*partition)
		}
		r.partitions[n] = p
	}
	return p
}

// Take takes the next record of its partition, or the next marker. It reports whether this is a
// record that counts as far as its term goes.
func (r *Reader) Take(next Record) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.of(next.Partition)
	if next.Offset < p.next {
		r.leave(next, fmt.Sprintf("offset %d was consumed before", next.Offset))
		return false
	}
	p.next = next.Offset + 1
	if next.Marker {
		r.markers++
		p.markers = append(p.markers, next)
		p.mark(term{next.ProducerID, next.Epoch})
		return false
	}
	r.records++
	switch {
	case next.Transactional:
		r.leave(next, "it is a transaction's")
	case next.ProducerID < 0 || p.term != term{next.ProducerID, next.Epoch}:
		r.leave(next, fmt.Sprintf("written by %d/%d, the term that counts there is %d/%d",
			next.ProducerID, next.Epoch, p.term.id, p.term.epoch))
	default:
		return true
	}
	return false
}

// Leave notes that a record does not count.
func (r *Reader) Leave(stray Record, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave(stray, why)
}

// leave is Leave with r.mu held.
func (r *Reader) leave(stray Record, why string) { r.strays = append(r.strays, Stray{stray, why}) }

// Count notes that a record counts.
func (r *Reader) Count(next Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.of(next.Partition)
	if next.Time.Before(p.time) {
		r.late = append(r.late, Stray{next, fmt.Sprintf("its time is %s, and that of the record before it is %s",
			next.Time.Format(time.RFC3339Nano), p.time.Format(time.RFC3339Nano))})
	}
	p.time = next.Time
}

// Next returns the offset after the last one taken of the partition.
func (r *Reader) Next(partition int32) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(partition).next
}

// Markers returns the markers of the partition so far, in order. They are not to be changed.
func (r *Reader) Markers(partition int32) []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	markers := r.of(partition).markers
	return markers[:len(markers):len(markers)]
}

// Strays returns the records so far that do not count.
func (r *Reader) Strays() []Stray {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Stray(nil), r.strays...)
}

// Late returns the records so far that count and have an earlier time than the one before them in
// the partition.
func (r *Reader) Late() []Stray {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Stray(nil), r.late...)
}

// Size returns the number of records and of markers so far.
func (r *Reader) Size() (records, markers int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.records, r.markers
}
