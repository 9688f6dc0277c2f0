package proof

import (
	"fmt"
	"sync"
	"time"

	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
)

// bankSlot is a place for a bank that all tellers use at the time. Another bank replaces it when it
// is old or long.
type bankSlot struct {
	run *run

	mu    sync.Mutex
	begun time.Time
	bank  bank.Known
}

// known returns what is known of the bank.
func (s *bankSlot) known() *bank.Known {
	k := s.now()
	for _, other := range s.run.bankSlots {
		if other == s {
			continue
		}
		next := other.now()
		k.Neighbour = next.Bank
		if k.Commits > 0 && next.Commits > 0 && next.Partition == k.Partition {
			break
		}
	}
	return k
}

// now returns what is known of the bank, but for its neighbour. It begins another bank if there is
// none yet, or if this one is old or long.
func (s *bankSlot) now() *bank.Known {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bank.Bank == "" || s.bank.Commits > bankCommits || time.Since(s.begun) > streamAge {
		if s.bank.Bank != "" {
			s.run.retire(s.bank.Bank, s.run.judgeBank)
		}
		s.bank, s.begun = bank.Known{Bank: fmt.Sprintf("bank-%d", s.run.streams.Add(1))}, time.Now()
	}
	return s.bank.Copy()
}

// learn notes what an answer shows.
func (s *bankSlot) learn(op *bank.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bank.Learn(op)
}
