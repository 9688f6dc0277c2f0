package worker

import (
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// reads remembers what was seen of streams, so that every other read goes on from there. A reader
// then has never seen the stream as a whole: the store must make sure that what was seen still
// stands.
type reads[S any] struct {
	mu     sync.Mutex
	of     *kafka.Store // that has made the tips
	before map[string]readBefore[S]
}

// readBefore is what was seen of a stream, and where that ended.
type readBefore[S any] struct {
	seen S
	at   eventstore.Expectation
	on   bool // the next read goes on from here
}

// begin returns where a read begins, and what was seen before it.
func (r *reads[S]) begin(store *kafka.Store, stream eventstore.Stream) (seen S, after eventstore.Expectation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	after = stream.At(0)
	if r.of != store {
		r.of, r.before = store, make(map[string]readBefore[S])
	}
	b, ok := r.before[stream.ID]
	if !ok || !b.on {
		return seen, after
	}
	return b.seen, b.at
}

// end remembers what a read has seen, which nobody changes any more.
func (r *reads[S]) end(store *kafka.Store, seen S, at eventstore.Expectation, wentOn bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == store {
		r.before[at.Stream.ID] = readBefore[S]{seen, at, !wentOn}
	}
}

// drop forgets what was seen of a stream and does not stand.
func (r *reads[S]) drop(stream eventstore.Stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.before, stream.ID)
}

// moved reports whether a read fails with a conflict.
func moved(all iter.Seq2[eventstore.Record, error]) bool {
	for _, err := range all {
		return errors.Is(err, eventstore.ErrConflict)
	}
	return false
}

// seenIDs is what was seen of a stream: its events, and how many of them may not have been stored.
type seenIDs struct {
	ids      []string
	unstored int
}

// and returns what is seen with more records.
func (s seenIDs) and(more seenIDs) seenIDs {
	if len(more.ids) > more.unstored { // a stored record stands behind those of before
		s.unstored = 0
	}
	return seenIDs{slices.Concat(s.ids, more.ids), s.unstored + more.unstored}
}
