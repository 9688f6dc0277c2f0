package delivery

import (
	"context"
	"sync"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
	"github.com/fencelog/fencelog/internal/wake"
)

// known is what a subscription knows of the letters' log: which events are set aside, and which
// were and are done with. The events stay in the log.
type known struct {
	order   subscription.Order
	mu      sync.Mutex
	next    int64 // all before is known
	parked  map[int32]*letters.Parked
	runners map[int32]*attached
	moved   wake.Bell // rung after next has moved
}

// attached is a runner that is told what is written of its partition.
type attached struct {
	ctx    context.Context //nolint:containedctx // bounds what is told to the runner
	runner *Runner
}

func (k *known) init(order subscription.Order) {
	k.order = order
	k.parked, k.runners = make(map[int32]*letters.Parked), make(map[int32]*attached)
}

// of returns what is set aside of a partition. The mutex is held.
func (k *known) of(n int32) *letters.Parked {
	p := k.parked[n]
	if p == nil {
		p = letters.NewParked(k.order)
		k.parked[n] = p
	}
	return p
}

// Learn takes note of the next entry of the letters' log. Those of other handlers and topics mean
// nothing here. It tells the runner of the partition what is written, also by the runner itself.
// Somebody may have read that, and asked for more, before its acknowledgement came.
func (s *Subscriber) Learn(e letters.Entry) {
	if e.Handler != s.cfg.Group || e.Topic != s.store.Topic {
		return
	}
	e.Value, e.Headers = nil, nil                           // they stay in the log
	e.PartitionKey = s.store.PartitionKey.Of(string(e.Key)) // absent if it is the id, and in entries of old releases
	k := &s.known
	k.mu.Lock()
	k.of(e.Partition).Apply(&e)
	a := k.runners[e.Partition]
	k.mu.Unlock()
	if a != nil {
		a.runner.Order(a.ctx, e)
	}
}

// Learned notes that Learn was called with all entries before a position.
func (s *Subscriber) Learned(next int64) {
	s.known.mu.Lock()
	s.known.next = next
	s.known.mu.Unlock()
	s.known.moved.Ring()
}

// Current waits until all is known that the letters' log holds when it is called.
func (s *Subscriber) Current(ctx context.Context) error {
	woken := make(chan struct{}, 1)
	k := &s.known
	defer k.moved.Listen(woken)()
	end, err := s.store.LettersEnd(ctx)
	for err == nil {
		k.mu.Lock()
		next := k.next
		k.mu.Unlock()
		if next >= end {
			return nil
		}
		select {
		case <-woken:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	return err
}

// KnowsFrom reports whether any letter of a partition from an offset on is known, open or not.
func (s *Subscriber) KnowsFrom(n int32, from int64) bool {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	return s.known.of(n).KnowsFrom(from)
}

// runAttached runs a runner that knows all that the log says of its partition, and is told what is
// written from then on. runner makes it, of what is set aside now.
func (s *Subscriber) runAttached(ctx context.Context, n int32, runner func(*letters.Parked) *Runner) error {
	if err := s.Current(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &attached{ctx: ctx}
	k := &s.known
	k.mu.Lock()
	a.runner = runner(k.of(n).Clone())
	k.runners[n] = a
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.runners[n] == a {
			delete(k.runners, n)
		}
	}()
	return a.runner.Run(ctx)
}

// running returns the runners by partition.
func (s *Subscriber) running() map[int32]*Runner {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	all := make(map[int32]*Runner, len(s.known.runners))
	for n, a := range s.known.runners {
		all[n] = a.runner
	}
	return all
}
