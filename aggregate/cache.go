package aggregate

import (
	"context"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/states"
)

// DefaultCacheBytes is what the states of one repository take in memory at most.
const DefaultCacheBytes = 64 << 20

// Cache configures which states a [Repository] keeps in memory. Then a load reads and folds only
// the events since the last one, however long the stream is.
//
// The states of a repository are shared by all who load them, so each gets a copy. An assignment
// copies a state that consists of numbers, texts, times, and structs and arrays of these. If the
// state has a slice, a map, a pointer or another reference, it needs a method Clone that returns a
// copy of it:
//
//	func (c Cart) Clone() Cart { c.Lines = maps.Clone(c.Lines); return c }
//
// A state counts with about the bytes that it and all it refers to take, and some more for the
// cache itself.
type Cache struct {
	// MaxBytes bounds what the states take. If a state needs room, the repository drops states that
	// were not asked for lately. Default: [DefaultCacheBytes].
	MaxBytes int

	// Off makes the repository keep no state. Each load reads the whole stream.
	Off bool
}

// Hooks are told what happens in a repository, for metrics. Package observe/prom has ready ones.
// Each may be nil. The goroutines that do the work call the hooks, also concurrently. A hook must
// be quick, and must not call the repository.
type Hooks struct {
	// Loaded is called when a state was loaded, by Load or for a decision.
	Loaded func(context.Context, Loaded)

	// Evicted is called when states were dropped from memory to make room for others.
	Evicted func(Evicted)

	// SnapshotKept is called when a snapshot was taken, also if it could not be kept.
	SnapshotKept func(context.Context, SnapshotKept)

	// SnapshotDropped is called when a snapshot was found that cannot be used.
	SnapshotDropped func(context.Context, SnapshotDropped)
}

// Loaded is what one load did.
type Loaded struct {
	Stream   eventstore.Stream
	From     Source        // of the state that events were folded onto
	Folded   int64         // stored events that were read and folded
	Version  int64         // of the state that was loaded
	Duration time.Duration // of reading and folding
}

// Source says where the state was that a load began with.
type Source string

// The sources of states.
const (
	FromStart    Source = "start"    // nowhere: the load began with the first event
	FromSnapshot Source = "snapshot" // in a snapshot of the store
	FromCache    Source = "cache"    // in memory
)

// Evicted is what the cache of a repository has dropped.
type Evicted struct {
	Category string
	States   int
	Bytes    int // about what the states took
}

// Cached is what a repository keeps in memory.
type Cached struct {
	States   int
	Bytes    int // about what the states take
	MaxBytes int // 0 if the cache is off
}

// Cached returns what the repository keeps in memory.
func (r *Repository[S]) Cached() Cached {
	c := Cached{MaxBytes: r.cfg.Cache.MaxBytes}
	if r.cfg.Cache.Off {
		c.MaxBytes = 0
	}
	c.States, c.Bytes = r.states.Len()
	return c
}

// complete sets the defaults. It returns what is wrong.
func (c *Cache) complete() error {
	switch {
	case c.MaxBytes < 0:
		return fmt.Errorf("Cache.MaxBytes is %d, expected 1 or more, or 0 for the default of %d", c.MaxBytes,
			DefaultCacheBytes)
	case c.MaxBytes == 0:
		c.MaxBytes = DefaultCacheBytes
	}
	return nil
}

// newCache makes the cache. It fails if states cannot be cached.
func (r *Repository[S]) newCache() (err error) {
	if r.cfg.Cache.Off {
		r.kind = states.Uncached[S]()
		return nil
	}
	if r.kind, err = states.KindOf[S](); err != nil {
		return err
	}
	var evicted func(states, bytes int)
	if tell := r.cfg.Hooks.Evicted; tell != nil {
		evicted = func(states, bytes int) {
			tell(Evicted{Category: r.typ.name, States: states, Bytes: bytes})
		}
	}
	r.states = states.NewCache(r.kind, r.cfg.Cache.MaxBytes, evicted)
	return nil
}
