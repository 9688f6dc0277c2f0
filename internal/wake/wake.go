// Package wake tells those who wait that something has moved, without polling and without a lost wake-up.
//
// A [Bell] may be used by any number of goroutines. It says that something moved, never what: who is woken looks.
package wake

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Bell is rung by whoever moves something, and heard by all who listen. The zero Bell is ready.
type Bell struct {
	mu        sync.Mutex // held by those who begin or stop to listen
	listeners atomic.Pointer[[]chan<- struct{}]
}

// Ring wakes all who listen. It never blocks; while nobody listens it costs one atomic load. It is called after what
// moved can be seen.
func (b *Bell) Ring() {
	all := b.listeners.Load()
	if all == nil {
		return
	}
	for _, c := range *all {
		select {
		case c <- struct{}{}:
		default: // the ring before is yet to be heard, and stands for this one too
		}
	}
}

// Listen has every Ring put a token into c until stop is called. c has a buffer of at least one, and may listen to several bells.
//
// Who waits for a state listens first, then looks, then waits for c, and looks again after every token: what
// moves after the look rings, so nothing is missed.
func (b *Bell) Listen(c chan<- struct{}) (stop func()) {
	b.change(func(all []chan<- struct{}) []chan<- struct{} { return append(all, c) })
	return func() {
		b.change(func(all []chan<- struct{}) []chan<- struct{} {
			if i := slices.Index(all, c); i >= 0 {
				return slices.Delete(all, i, i+1)
			}
			return all
		})
	}
}

// change replaces the listeners: a Ring may be on its way through those that were.
func (b *Bell) change(f func([]chan<- struct{}) []chan<- struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var now []chan<- struct{}
	if all := b.listeners.Load(); all != nil {
		now = slices.Clone(*all)
	}
	if now = f(now); len(now) == 0 {
		b.listeners.Store(nil)
		return
	}
	b.listeners.Store(&now)
}
