package delivery

import "sync"

// Subscriptions are those of a store, which closes them before itself. The zero value has none.
type Subscriptions struct {
	mu     sync.Mutex
	closed bool
	all    map[*Subscriber]struct{}
}

// add reports whether the store still takes one.
func (s *Subscriptions) add(sub *Subscriber) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[*Subscriber]struct{})
	}
	if !s.closed {
		s.all[sub] = struct{}{}
	}
	return !s.closed
}

func (s *Subscriptions) remove(sub *Subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sub)
}

// Within reports whether the handler of one of them calls it.
func (s *Subscriptions) Within() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.all {
		if sub.calls.within() {
			return true
		}
	}
	return false
}

// Close closes all of them, and takes no other. It may be called more than once.
func (s *Subscriptions) Close() {
	s.mu.Lock()
	s.closed = true
	var group sync.WaitGroup
	for sub := range s.all {
		group.Go(func() { _ = sub.Close() })
	}
	s.mu.Unlock()
	group.Wait()
}
