package delivery

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
)

// WholeMember stands for all partitions of a member.
const WholeMember = -1

// Gathering is what a member does before it handles a partition: it learns which events are set
// aside.
const Gathering = "the dead letters are read"

// Stands are the partitions of a member that it does not handle at the moment, and why; under
// [WholeMember], why it handles none. A store notes them. Its methods may be called by any number
// of goroutines.
type Stands struct {
	reason func(error) string

	mu  sync.Mutex
	all map[int32]subscription.Wait
}

// Begins notes what is done before the partition is handled.
func (s *Stands) Begins(n int32, doing string) { s.note(n, subscription.Wait{For: doing}) }

// Fails notes an attempt to handle the partition that failed, and is made again.
func (s *Stands) Fails(n int32, err error) {
	why := s.reason(err)
	if why == "" {
		why = "what the error says"
	}
	s.note(n, subscription.Wait{For: why, Err: err})
}

// Trouble notes what went wrong meanwhile, if the partition is not handled.
func (s *Stands) Trouble(n int32, err error) {
	s.mu.Lock()
	_, standing := s.all[n]
	s.mu.Unlock()
	if standing {
		s.Fails(n, err)
	}
}

// end notes that nothing is waited for any more.
func (s *Stands) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}

// Stops notes that no other attempt can help.
func (s *Stands) Stops(n int32, err error) {
	s.note(n, subscription.Wait{For: "somebody who mends what the error says", Err: err, Stopped: true})
}

func (s *Stands) note(n int32, now subscription.Wait) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[int32]subscription.Wait)
	}
	before, known := s.all[n]
	now.Partition, now.Offset, now.Since = n, -1, clock.Now()
	if known {
		now.Since, now.Attempts = before.Since, before.Attempts
	}
	if now.Err != nil {
		now.Attempts++
	} else if before.Err != nil { // another attempt begins: the wait is still for what the last one failed with
		now.For, now.Err, now.Stopped = before.For, before.Err, before.Stopped
	}
	s.all[n] = now
}

// GoesOn notes that the partition is handled.
func (s *Stands) GoesOn(n int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, n)
}

// Leaves notes that this member does not handle the partition any more. If that is because its
// session has ended it may get the partition again, and a partition that has stopped stays so.
func (s *Stands) Leaves(n int32, sessionEnded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !sessionEnded || !s.all[n].Stopped {
		delete(s.all, n)
	}
}

// Gets notes that a session begins, with some partitions.
func (s *Stands) Gets(partitions []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range s.all {
		if !slices.Contains(partitions, n) {
			delete(s.all, n)
		}
	}
}

// since returns what stands still since a time or longer, and all that is stopped.
func (s *Stands) since(at time.Time) []subscription.Wait {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []subscription.Wait
	for _, w := range s.all {
		if w.Stopped || !w.Since.After(at) {
			found = append(found, w)
		}
	}
	return found
}

// stopped returns why partitions are stopped, in their order, and how many are.
func (s *Stands) stopped() (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []subscription.Wait
	for _, w := range s.all {
		if w.Stopped {
			found = append(found, w)
		}
	}
	slices.SortFunc(found, func(a, b subscription.Wait) int { return cmp.Compare(a.Partition, b.Partition) })
	var why []error
	for _, w := range found {
		why = append(why, w.Err)
	}
	return len(found), errors.Join(why...)
}
