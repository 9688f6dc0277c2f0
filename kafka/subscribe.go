package kafka

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/delivery"
)

// Subscription is this process's member of a consumer group, which hands events to a handler. Its
// methods may be called by any number of goroutines.
type Subscription struct {
	cfg      SubscriptionConfig
	store    *Store
	category *category
	client   *client.Client
	group    sarama.ConsumerGroup
	letters  *letters
	counts   delivery.Counts
	calls    calls
	stands   stands

	stop context.CancelFunc
	done chan struct{} // closed once everything has ended and err is set
	err  error

	mu    sync.Mutex
	marks map[int32]int64 // the offset before which all is done, by partition that is handled here
	fail  error           // why the subscription cannot go on
}

// Stats are running totals of this member since [Store.Subscribe], and how far it is behind now.
type Stats struct {
	Handled      int64 // events that the handler got done, redriven ones left out
	Retried      int64 // attempts after the first
	DeadLettered int64 // events set aside because the handler failed
	Parked       int64 // events set aside because an earlier one of their aggregate is
	Redriven     int64 // events set aside that were handled afterwards
	Partitions   int   // handled by this member now
	Configured   int   // partitions that the category has, which all members share
	Lag          int64 // offsets in them that the store knows and that are not done

	Waiting     int           // what has been waited for longer than LongWait: see [Subscription.Waits]
	LongestWait time.Duration // of these; 0 if there is none
	Stopped     int           // partitions of this member that are not handled before somebody mends what Err says
}

// Subscribe joins the consumer group and calls the handler with the events of a category that count
// by the reader rule: see [SubscriptionConfig]. The group's offset of a partition moves only past
// events that are handled, or set aside in the dead-letter topic. It returns once the group's
// brokers answer; ctx bounds that, and not the life of the subscription: end that with
// [Subscription.Close], or close the store.
//
// Nothing waits in silence: whatever takes longer than LongWait is logged with its cause, is in
// [Subscription.Waits] and counts in [Subscription.Stats]. DESIGN.md has a table of what is tried
// again, for how long, what is set aside, and what stops a partition or the subscription.
//
// Errors: all mistakes of cfg; [eventstore.ErrClosed]; brokers that do not answer; the end of ctx.
func (s *Store) Subscribe(ctx context.Context, cfg SubscriptionConfig) (*Subscription, error) {
	cfg, err := cfg.complete(s.cfg)
	if err != nil {
		return nil, err
	}
	c, err := s.category(ctx, cfg.Category)
	if err != nil {
		return nil, err
	}
	if cfg.Start.AtEnd() { // of now, whenever a partition is assigned
		cfg.Start = s.endOf(c)
	}
	client, err := client.ConnectWith(ctx, s.cfg.Connection, s.cfg.Topics.Names(), cfg.sarama(s.cfg))
	if err != nil {
		return nil, err
	}
	client.Conns.Patient(client.Config().Consumer.Group.Rebalance.Timeout) // that it is not in the group yet, stands tell
	group, err := sarama.NewConsumerGroupFromClient(cfg.Group, client)
	if err != nil {
		client.Disconnect()
		return nil, err
	}
	letters, err := openLetters(ctx, s.cfg, cfg.Group, c.topic)
	if err != nil {
		_ = group.Close()
		client.Disconnect()
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	sub := &Subscription{
		cfg: cfg, store: s, category: c, client: client, group: group, letters: letters,
		stop: stop, done: make(chan struct{}), marks: make(map[int32]int64),
	}
	if !s.subscriptions.add(sub) {
		stop()
		close(sub.done)
		letters.close()
		_ = group.Close()
		client.Disconnect()
		return nil, eventstore.ErrClosed
	}
	go sub.run(run)
	return sub, nil
}

// Close leaves the group: the partitions go to other members at once. It waits for handlers under
// way, whose context ends, and commits what is done. It may be called more than once; it returns
// what Err returns.
//
// The handler itself may call it. Then it returns nil at once, and all this is done when the
// handler has returned: see Done.
func (s *Subscription) Close() error {
	s.stop()
	if s.calls.within() {
		return nil
	}
	<-s.done
	return s.err
}

// Done is closed when the subscription has ended: it was closed, or cannot go on.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Err returns why the subscription has ended, such as [eventstore.ErrClosed]; or, while it runs,
// why partitions of this member are stopped, such as an *[OffsetError] or a *[CorruptError],
// joined. It is nil while all goes on, and after a Close before it had ended.
func (s *Subscription) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		_, err := s.stands.stopped()
		return err
	}
}

// Stats returns what this member has done.
func (s *Subscription) Stats() Stats {
	st := Stats{
		Handled: s.counts.Handled.Load(), Retried: s.counts.Retried.Load(), DeadLettered: s.counts.DeadLettered.Load(),
		Parked: s.counts.Parked.Load(), Redriven: s.counts.Redriven.Load(), Configured: len(s.category.partitions),
	}
	waits := s.Waits()
	if st.Waiting = len(waits); st.Waiting > 0 {
		st.LongestWait = clock.Now().Sub(waits[0].Since)
	}
	st.Stopped, _ = s.stands.stopped()
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, mark := range s.marks {
		st.Partitions++
		st.Lag += max(s.category.partitions[p].index.Checkpoint().Next-mark, 0)
	}
	return st
}

// run is a member of the group until ctx ends or the subscription cannot go on.
func (s *Subscription) run(ctx context.Context) {
	defer close(s.done)
	var group sync.WaitGroup
	var failures atomic.Int64 // that Sarama tells of, in sessions
	group.Go(func() {
		for err := range s.group.Errors() {
			failures.Add(1)
			s.stands.trouble(wholeMember, err)
			s.store.cfg.Logger.Warn("consumer group", "group", s.cfg.Group, "error", err)
		}
	})
	group.Go(func() { s.letters.run(ctx, s.store.cfg.Logger) })
	group.Go(func() { s.tell(ctx) })
	pause := firstRejoin
	for ctx.Err() == nil {
		s.stands.begins(wholeMember, joining)
		before := failures.Load()
		err := s.group.Consume(ctx, []string{s.category.topic}, member{s})
		if s.failed() != nil || errors.Is(err, sarama.ErrClosedConsumerGroup) || errors.Is(err, sarama.ErrClosedClient) {
			break
		}
		if err == nil && failures.Load() == before { // as where partitions are assigned anew
			pause = firstRejoin
		}
		if err != nil {
			s.stands.fails(wholeMember, err)
			s.store.cfg.Logger.Warn("consumer group is joined again", "group", s.cfg.Group, "after", pause, "error", err)
		}
		_ = clock.Wait(ctx, pause) // its end shows in the loop's condition
		pause = min(2*pause, longRejoin)
	}
	s.stop()
	if err := s.group.Close(); err != nil {
		s.store.cfg.Logger.Warn("consumer group was not left", "group", s.cfg.Group, "error", err)
	}
	group.Wait()
	s.letters.close()
	s.client.Disconnect()
	s.store.subscriptions.remove(s)
	s.stands.end()
	s.err = public(s.failed())
}

func (s *Subscription) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fail
}

// broken ends the subscription.
func (s *Subscription) broken(err error) {
	s.mu.Lock()
	s.fail = errors.Join(s.fail, err)
	s.mu.Unlock()
	s.stop()
}

func (s *Subscription) mark(partition int32, offset int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks[partition] = offset
}

func (s *Subscription) unmark(partition int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.marks, partition)
}

func (s *Subscription) pause(attempts int) time.Duration {
	return s.cfg.Retry.pause(attempts, rand.Float64()) //nolint:gosec // spreads retries, guards nothing
}

// endOf returns a start behind what the store knows of the category.
func (s *Store) endOf(c *category) eventstore.Start {
	end := make(eventstore.Cursor)
	for i, p := range c.partitions {
		end[int32(i)] = p.index.Checkpoint().Next - 1
	}
	return eventstore.After(end)
}

// subscriptions are those of a store, which closes them before itself.
type subscriptions struct {
	mu     sync.Mutex
	closed bool
	all    map[*Subscription]struct{}
}

// add reports whether the store still takes one.
func (s *subscriptions) add(sub *Subscription) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[*Subscription]struct{})
	}
	if !s.closed {
		s.all[sub] = struct{}{}
	}
	return !s.closed
}

func (s *subscriptions) remove(sub *Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sub)
}

// within reports whether the handler of one of them calls.
func (s *subscriptions) within() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.all {
		if sub.calls.within() {
			return true
		}
	}
	return false
}

func (s *subscriptions) close() {
	s.mu.Lock()
	s.closed = true
	var group sync.WaitGroup
	for sub := range s.all {
		group.Go(func() { _ = sub.Close() })
	}
	s.mu.Unlock()
	group.Wait()
}
