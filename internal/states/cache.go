package states

import (
	"strings"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
)

// Point is a state as the first events of a stream make it. Nobody changes a point.
type Point[S any] struct {
	State   S
	Version int64 // the number of the events

	size     int   // of State, as it was measured or estimated last
	measured int64 // the version at which size was measured
	snapshot int64 // the version of the snapshot that it was made from; 0 if from none
}

// Queued is a point some of whose events may be queued and not stored yet.
type Queued[S any] struct {
	*Point[S]

	At eventstore.Expectation // the end of the read that has shown them
}

// Cache keeps the newest points of aggregates, bounded in bytes. A nil *Cache keeps nothing.
//
//	C1  A stored point has events that are all stored. What is stored stays stored, so the point
//	    stays true. Its version is enough to read on from it.
//	C2  A queued point is true only if the store goes on from its expectation. Its version proves
//	    nothing: another commit may have taken the place of a queued one.
//	C3  Whoever takes a state from a point takes a copy of it, and whoever keeps one keeps a copy.
//
// If the cache is full, it drops what nobody has asked for since the hand has passed it last. (The
// algorithm is SIEVE: Zhang et al., NSDI 2024.)
type Cache[S any] struct {
	kind    *Kind[S]
	max     int
	evicted func(states, bytes int)

	mu      sync.Mutex
	entries map[string]*entry[S]
	first   *entry[S] // that came last
	last    *entry[S]
	hand    *entry[S] // nil: the last
	bytes   int
}

// entry is what is kept of one aggregate.
type entry[S any] struct {
	id         string
	stored     *Point[S] // nil if none is
	queued     *Queued[S]
	snapshot   int64 // the version of which a snapshot was due last
	bytes      int
	asked      bool
	prev, next *entry[S] // prev came later
}

// NewCache returns an empty cache. evicted is called when states were dropped to make room, with
// their number and size.
func NewCache[S any](kind *Kind[S], maxBytes int, evicted func(states, bytes int)) *Cache[S] {
	return &Cache[S]{kind: kind, max: maxBytes, evicted: evicted, entries: make(map[string]*entry[S])}
}

// Newest returns the newest points that are kept of an aggregate; nil where there is none. If there
// is a queued one, it is newer than the stored one.
func (c *Cache[S]) Newest(id string) (*Point[S], *Queued[S]) {
	if c == nil {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[id]
	if e == nil {
		return nil, nil
	}
	e.asked = true
	return e.stored, e.queued
}

// PutStored keeps a stored point, unless a stored one is kept that is as new. If the aggregate has so
// many events more than its last snapshot, PutStored reports that a snapshot of the point is due.
// It does so once: the caller takes the snapshot.
func (c *Cache[S]) PutStored(id string, p *Point[S], every int64) (due bool) {
	return c != nil && c.put(id, p, nil, every)
}

// PutQueued keeps a queued point, unless a point is kept that is as new.
func (c *Cache[S]) PutQueued(id string, q *Queued[S]) {
	if c != nil {
		c.put(id, nil, q, 0)
	}
}

func (c *Cache[S]) put(id string, p *Point[S], q *Queued[S], every int64) (due bool) {
	c.mu.Lock()
	e := c.entries[id]
	if e == nil {
		e = &entry[S]{id: strings.Clone(id)} // it may be part of something large
		c.entries[e.id] = e
		c.push(e)
	}
	switch {
	case p != nil && (e.stored == nil || e.stored.Version < p.Version):
		e.stored = p
		if e.queued != nil && e.queued.Version <= p.Version {
			e.queued = nil
		}
		e.snapshot = max(e.snapshot, p.snapshot)
		if due = p.Version-e.snapshot >= every; due {
			e.snapshot = p.Version
		}
	case q != nil && !e.has(q.Version):
		e.queued = q
	}
	states, bytes := c.weigh(e)
	c.mu.Unlock()
	if states > 0 && c.evicted != nil {
		c.evicted(states, bytes)
	}
	return due
}

// has reports whether a point of the version or a later one is kept.
func (e *entry[S]) has(version int64) bool {
	return e.stored != nil && e.stored.Version >= version || e.queued != nil && e.queued.Version >= version
}

// DropQueued forgets a queued point that the store does not go on from.
func (c *Cache[S]) DropQueued(id string, q *Queued[S]) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[id]; e != nil && e.queued == q {
		e.queued = nil
		c.weigh(e)
	}
}

// Drop forgets what is kept of an aggregate.
func (c *Cache[S]) Drop(id string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[id]; e != nil {
		c.remove(e)
	}
}

// Len returns how many aggregates the cache has states of, and about how many bytes these take.
func (c *Cache[S]) Len() (states, bytes int) {
	if c == nil {
		return 0, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries), c.bytes
}

// These are the bytes that an aggregate and a point take in a cache beside the id and the state,
// roughly.
const (
	bytesOfAggregate = 160
	bytesOfPoint     = 32
	bytesOfTip       = 256
)

// weigh counts what an entry takes, and makes room. It returns what it has dropped. c.mu is held.
func (c *Cache[S]) weigh(e *entry[S]) (states, bytes int) {
	size := bytesOfAggregate + len(e.id)
	if e.stored != nil {
		size += bytesOfPoint + e.stored.size
	}
	if e.queued != nil {
		size += bytesOfPoint + bytesOfTip + e.queued.size
	}
	c.bytes += size - e.bytes
	e.bytes = size
	if size > c.max || e.stored == nil && e.queued == nil { // it would drop all others, and then itself
		c.remove(e)
		if size > c.max {
			states, bytes = 1, size
		}
	}
	for c.bytes > c.max {
		out := c.victim()
		states, bytes = states+1, bytes+out.bytes
		c.remove(out)
	}
	return states, bytes
}

// victim returns the entry that is dropped next. c.mu is held, and there is an entry.
func (c *Cache[S]) victim() *entry[S] {
	e := c.hand
	for {
		if e == nil {
			e = c.last
		}
		if !e.asked {
			c.hand = e.prev
			return e
		}
		e.asked = false
		e = e.prev
	}
}

// push makes the entry the first. c.mu is held.
func (c *Cache[S]) push(e *entry[S]) {
	e.next = c.first
	if c.first != nil {
		c.first.prev = e
	} else {
		c.last = e
	}
	c.first = e
}

// remove forgets the entry. c.mu is held.
func (c *Cache[S]) remove(e *entry[S]) {
	if c.hand == e {
		c.hand = e.prev
	}
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		c.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		c.last = e.prev
	}
	e.prev, e.next = nil, nil
	delete(c.entries, e.id)
	c.bytes -= e.bytes
}
