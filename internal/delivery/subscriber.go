package delivery

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/letters"
)

// Store is what a [Subscriber] needs of its store; every field must be set, if its zero value means
// nothing.
type Store struct {
	Topic        string // of the category, as letters name it
	Partitions   int    // that the category has
	PartitionKey eventstore.PartitionKey
	// Next returns the offset after the last that the store knows of a partition.
	Next func(partition int32) int64

	// Write adds an entry to the letters' log and sets its position. It tries until ctx ends.
	Write func(ctx context.Context, e *letters.Entry) error
	// Read returns the entry at a position of the letters' log, and the record in it. It tries
	// until ctx ends.
	Read func(ctx context.Context, position int64) (letters.Entry, eventstore.Record, error)
	// LettersEnd returns the position after the last entry that the letters' log has now.
	LettersEnd func(ctx context.Context) (int64, error)

	// Classify says what an error of the handler means. It never says Default.
	Classify func(error) subscription.Verdict
	// Reason says what is waited for where an error does not blame the event, or nothing: see
	// package blame.
	Reason func(error) string
	// Public turns an error of the store's inside into one for its users.
	Public func(error) error
	Logger *slog.Logger
}

// Subscriber is a subscription's part in this process, as one member of its group.
type Subscriber struct {
	// Stands are the partitions that it does not handle at the moment.
	Stands Stands

	cfg    subscription.Config
	store  Store
	counts Counts
	calls  calls
	known  known

	stop context.CancelFunc
	done chan struct{} // closed once everything has ended and err is set
	err  error

	mu    sync.Mutex
	marks map[int32]int64 // the offset before which all is done, by partition that is handled here
	fail  error           // why the subscription cannot go on
}

var _ subscription.Subscription = (*Subscriber)(nil)

// NewSubscriber returns one that does nothing yet. cfg must be complete.
func NewSubscriber(cfg subscription.Config, store Store) *Subscriber {
	s := &Subscriber{
		cfg: cfg, store: store, stop: func() {}, done: make(chan struct{}), marks: make(map[int32]int64),
	}
	if store.PartitionKey == eventstore.WholeID {
		s.cfg.Order = subscription.ByStream // it is the same
	}
	s.Stands.reason = store.Reason
	s.known.init(s.cfg.Order)
	return s
}

// Start calls run in a goroutine, and ends when run has returned. run returns soon after its
// context has ended: that is when the subscription is closed, or after [Subscriber.Fail]. ctx
// gives the context its values.
//
// It returns [eventstore.ErrClosed], and calls nothing, if of takes no subscription any more.
func (s *Subscriber) Start(ctx context.Context, of *Subscriptions, run func(ctx context.Context)) error {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	if !of.add(s) {
		s.stop()
		close(s.done)
		return eventstore.ErrClosed
	}
	go func() {
		defer close(s.done)
		var telling sync.WaitGroup
		telling.Go(func() { s.tell(ctx) })
		run(ctx)
		s.stop()
		telling.Wait()
		of.remove(s)
		s.Stands.end()
		s.err = s.store.Public(s.Failed())
	}()
	return nil
}

// Close implements [subscription.Subscription].
func (s *Subscriber) Close() error {
	s.stop()
	if s.calls.within() {
		return nil
	}
	<-s.done
	return s.err
}

// Done implements [subscription.Subscription].
func (s *Subscriber) Done() <-chan struct{} { return s.done }

// Err implements [subscription.Subscription].
func (s *Subscriber) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		_, err := s.Stands.stopped()
		return err
	}
}

// Stats implements [subscription.Subscription].
func (s *Subscriber) Stats() subscription.Stats {
	st := subscription.Stats{
		Handled: s.counts.Handled.Load(), Retried: s.counts.Retried.Load(), DeadLettered: s.counts.DeadLettered.Load(),
		Parked: s.counts.Parked.Load(), Redriven: s.counts.Redriven.Load(), Configured: s.store.Partitions,
	}
	waits := s.Waits()
	if st.Waiting = len(waits); st.Waiting > 0 {
		st.LongestWait = clock.Now().Sub(waits[0].Since)
	}
	st.Stopped, _ = s.Stands.stopped()
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, mark := range s.marks {
		st.Partitions++
		st.Lag += max(s.store.Next(p)-mark, 0)
	}
	return st
}

// Fail ends the subscription with an error.
func (s *Subscriber) Fail(err error) {
	s.mu.Lock()
	s.fail = errors.Join(s.fail, err)
	s.mu.Unlock()
	s.stop()
}

// Failed returns why the subscription cannot go on, or nil.
func (s *Subscriber) Failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fail
}

func (s *Subscriber) mark(partition int32, offset int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks[partition] = offset
}

func (s *Subscriber) unmark(partition int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.marks, partition)
}

// maxInFlightBytes bounds the values of one partition that are read and not handled.
const maxInFlightBytes = 32 << 20

// Handle hands the records of a partition from the offset next on to the handler, until ctx ends or
// source fails, whose error it returns. Before, it waits until all letters are known that there are
// now. commit is told the offset before which all is done, whenever that grows.
func (s *Subscriber) Handle(ctx context.Context, n int32, next int64, source Source, commit func(offset int64)) error {
	s.mark(n, next)
	defer s.unmark(n)
	s.Stands.Begins(n, Gathering)
	cfg := Config{
		Handler: s.cfg.Group, Topic: s.store.Topic, Partition: n,
		Order: s.cfg.Order, PartitionKey: s.store.PartitionKey,
		Source:   source,
		Handle:   s.call,
		Pause:    s.pause,
		Sleep:    clock.Wait,
		Now:      clock.Now,
		Write:    s.store.Write,
		Read:     s.store.Read,
		Attempts: s.cfg.Retry.Attempts, Patience: s.cfg.Deployment,
		Concurrency: s.cfg.Concurrency, MaxInFlight: s.cfg.MaxInFlight, MaxBytes: maxInFlightBytes,
		Counts: &s.counts,
		Commit: func(offset int64) {
			commit(offset)
			s.mark(n, offset)
		},
	}
	return s.runAttached(ctx, n, func(parked *letters.Parked) *Runner {
		s.Stands.GoesOn(n)
		return New(cfg, next, parked)
	})
}

func (s *Subscriber) pause(attempts int) time.Duration { return s.cfg.Retry.Pause(attempts, random()) }
