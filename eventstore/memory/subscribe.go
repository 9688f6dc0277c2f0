package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/blame"
	"github.com/fencelog/fencelog/internal/delivery"
)

var _ subscription.Source = (*Store)(nil)

// groupName names a group. Groups of one name and different categories share nothing.
type groupName struct{ group, category string }

// group returns the group of a name, which it makes if there is none yet.
func (s *Store) group(name groupName, partitions []*partition) *group {
	s.groupsMu.Lock()
	defer s.groupsMu.Unlock()
	g := s.groups[name]
	if g == nil {
		g = newGroup(partitions)
		s.groups[name] = g
	}
	return g
}

// Subscribe implements [subscription.Source]. The offsets of groups last as long as the store.
//
// Errors: all mistakes of cfg; [eventstore.ErrClosed]; the end of ctx.
func (s *Store) Subscribe(ctx context.Context, cfg subscription.Config) (subscription.Subscription, error) {
	cfg, err := cfg.Complete(slices.Sorted(maps.Keys(s.categories)))
	if err != nil {
		return nil, err
	}
	partitions, err := s.category(ctx, cfg.Category)
	if err != nil {
		return nil, err
	}
	if cfg.Start.AtEnd() { // of now, whenever a partition is assigned
		end := make(eventstore.Cursor)
		for _, p := range partitions {
			end[p.number] = p.end() - 1
		}
		cfg.Start = eventstore.After(end)
	}
	m := &member{start: cfg.Start, letters: &s.letters, group: s.group(groupName{cfg.Group, cfg.Category}, partitions)}
	m.Subscriber = delivery.NewSubscriber(cfg, delivery.Store{
		Topic: cfg.Category, Partitions: len(partitions), PartitionKey: s.keys[cfg.Category],
		Next:  func(n int32) int64 { return partitions[n].end() },
		Write: s.letters.write, Read: s.letters.read, LettersEnd: s.letters.end,
		Classify: subscription.Classify, Reason: blame.Reason, Public: func(err error) error { return err },
		Logger: s.logger,
	})
	if err := m.Start(ctx, &s.subscriptions, m.run); err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", cfg.Category, err)
	}
	return m.Subscriber, nil
}

// member is one member of a group.
type member struct {
	*delivery.Subscriber

	group   *group
	letters *letterLog
	start   eventstore.Start
}

// handover is what a member waits for whose partition another member still has.
const handover = "another member hands the partition over"

// run is a member of the group until ctx ends.
func (m *member) run(ctx context.Context) {
	woken := make(chan struct{}, 1)
	defer m.group.changed.Listen(woken)()
	var running sync.WaitGroup
	running.Go(func() { m.letters.follow(ctx, m.Subscriber) })
	m.group.join(m)
	handled := make(map[int32]context.CancelFunc)
	for ctx.Err() == nil {
		for n := range int32(len(m.group.partitions)) {
			m.look(ctx, n, handled, &running)
		}
		waitFor(ctx, woken)
	}
	m.group.leave(m)
	running.Wait()
	for _, cancel := range handled {
		cancel()
	}
}

// look begins or ends to handle a partition, as the group wants it.
func (m *member) look(ctx context.Context, n int32, handled map[int32]context.CancelFunc, running *sync.WaitGroup) {
	handle, wait := m.group.take(m, n)
	switch {
	case wait:
		m.Stands.Begins(n, handover)
	case handle:
		var partitionCtx context.Context
		partitionCtx, handled[n] = context.WithCancel(ctx)
		running.Go(func() {
			defer m.group.release(n)
			m.handle(partitionCtx, n)
		})
	case !m.group.wants(m, n):
		m.Stands.Leaves(n, false)
		if cancel := handled[n]; cancel != nil {
			cancel()
			delete(handled, n)
		}
	}
}

// handle handles a partition until ctx ends.
func (m *member) handle(ctx context.Context, n int32) {
	next := m.group.begin(n, m.start)
	p := m.group.partitions[n]
	commit := func(offset int64) { m.group.commit(n, offset) }
	if err := m.Handle(ctx, n, next, p.source(next), commit); err != nil && ctx.Err() == nil {
		m.Fail(err) // never: reading memory does not fail
	}
}

// source yields the records from an offset on, and waits for more.
func (p *partition) source(next int64) delivery.Source {
	return func(ctx context.Context, yield func(eventstore.Record, delivery.Raw) bool) (int64, error) {
		woken := make(chan struct{}, 1)
		defer p.moved.Listen(woken)()
		for {
			end := p.end()
			found := p.since(eventstore.After(eventstore.Cursor{p.number: next - 1}))
			for i := range found {
				if !yield(found[i], (*raw)(&found[i])) {
					return next, nil
				}
				next = found[i].Position.Offset + 1
			}
			if next < end || len(found) > 0 {
				next = max(next, end)
				return next, nil
			}
			waitFor(ctx, woken)
			if ctx.Err() != nil {
				return next, context.Cause(ctx)
			}
		}
	}
}

// raw is a record as a letter has it. This store keeps no headers.
type raw eventstore.Record

// Bytes implements [delivery.Raw].
func (r *raw) Bytes() (key, value []byte, headers []subscription.Header) {
	return []byte(r.AggregateID), r.Value, nil
}
