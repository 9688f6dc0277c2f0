// Package wake tells those who wait that something has moved, without polling and without a lost
// wake-up.
//
// A [Bell] may be used by any number of goroutines. It says that something moved, never what: a
// goroutine that is woken looks.
package wake

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Bell is rung by a goroutine that moves something, and heard by all that listen. The zero Bell is
// ready.
type Bell struct {
	mu        sync.Mutex // held by those who begin or stop to listen
	listeners atomic.Pointer[[]chan<- struct{}]
}

// Ring wakes all who listen. It never blocks. While nobody listens it costs one atomic load. Call
// it once the others can see what has moved.
func (b *Bell) Ring() {
	all := b.listeners.Load()
	if all == nil {
		return
	}
	for _, c := range *all {
		select {
		case c <- struct{}{}:
		default: // the listener has not heard the ring before, which stands for this one too
		}
	}
}

// Listen makes every Ring put a token into c until stop is called. c has a buffer of at least one,
// and may listen to several bells.
//
// To wait for a state, listen first, then look, then wait for c, and look again after every token.
// A move after the look rings, so nothing is missed.
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

// change replaces the listeners by a new slice, since a Ring may be on its way through the old one.
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
