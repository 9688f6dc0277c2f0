package eventstoretest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/ids"
)

// book appends one commit of an event for each of the streams, which are of one partition key, and
// returns the events' ids.
func (s *delivery) book(ctx context.Context, t test, key string, streams ...string) []string {
	t.Helper()
	var all []string
	var parts []eventstore.Commit
	for _, name := range streams {
		all = append(all, ids.New())
		stream := eventstore.Stream{Category: s.ledgers, ID: key + "/" + name}
		part := eventstore.To(stream, eventstore.Any, eventstore.Record{Header: event.Header{
			ID: all[len(all)-1], Type: "Booked", Revision: 1, Timestamp: firstTime(),
		}, Value: []byte("value of " + name)})
		part.Expect = nil // a stream has one expectation, and may have several events
		parts = append(parts, part)
	}
	_, err := s.store.Append(ctx, eventstore.Join(parts...))
	must(t, "an append to several streams", err)
	return all
}

// ordered is a subscription to the ledgers, with an order.
func (s *delivery) ordered(w *witness, order subscription.Order) subscription.Config {
	cfg := s.config(w)
	cfg.Category, cfg.Order = s.ledgers, order
	return cfg
}

// deliveredByKey appends to several streams of several keys, before and while a subscription runs.
// Each third event fails once.
func deliveredByKey(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	var mu sync.Mutex
	failed := make(map[string]bool)
	w.fail = func(ctx context.Context, r eventstore.Record) error {
		mu.Lock()
		again := !failed[r.ID] && r.Position.Offset%3 == 0
		failed[r.ID] = true
		mu.Unlock()
		if again {
			return errEvent
		}
		return clock.Wait(ctx, 100*time.Microsecond) // so that two at once would meet
	}
	keys := []string{w.stream("acme"), w.stream("bank"), w.stream("coop")}
	want := make(map[string][]string)
	more := func() {
		for i := range 5 {
			for _, key := range keys {
				streams := []string{"alice", "bob", "carol", "alice"}
				want[key] = append(want[key], s.book(ctx, t, key, streams[i%2:]...)...)
			}
		}
	}
	more()
	sub := s.subscribe(ctx, t, s.ordered(w, subscription.ByPartitionKey))
	more()
	for _, key := range keys {
		w.onceOfKey(ctx, t, key, want[key])
	}
	caughtUp(ctx, t, sub)
}

// otherKeysGoOn makes an event fail for a while.
func otherKeysGoOn(t test, s *delivery) {
	ctx, w, away := s.context(t), newWitness(), newSwitch()
	bad := w.stream("bad")
	want := slices.Concat(s.book(ctx, t, bad, "alice", "bob"), s.book(ctx, t, bad, "carol"))
	w.fail = func(_ context.Context, r eventstore.Record) error {
		if r.ID == want[0] && away.on() {
			return errPeer
		}
		return nil
	}
	cfg := s.ordered(w, subscription.ByPartitionKey)
	cfg.Classify = func(error) subscription.Verdict { return subscription.RetryForever }
	cfg.LongWait = quickWait
	sub := s.subscribe(ctx, t, cfg)
	for i := range 5 {
		key := w.stream(fmt.Sprint("good ", i))
		w.onceOfKey(ctx, t, key, s.book(ctx, t, key, "alice", "bob"))
	}
	until(ctx, t, "a partition key that waits is told", func() bool {
		return slices.ContainsFunc(sub.Waits(), func(told subscription.Wait) bool {
			return told.Key == bad && told.AggregateID == bad+"/alice" && told.EventID == want[0]
		})
	}, func() any { return fmt.Sprintf("%+v", sub.Waits()) })
	if done := w.ofKey(bad); len(done) > 0 {
		fatal(t, "an event overtakes an earlier one of its partition key that is tried again", done)
	}
	away.off()
	w.onceOfKey(ctx, t, bad, want)
}

// poisonKey is poison for a partition key. Its events are of alice, bob, bob, carol and alice, in
// two commits and a third one. The first one of bob fails.
func (s *delivery) poisonKey(ctx context.Context, t test, order subscription.Order, letters int) *poisoned {
	t.Helper()
	p := &poisoned{w: newWitness(), letters: s.letters(ctx, t), bad: 1, failing: newSwitch()}
	p.id = p.w.stream("bad")
	p.events = slices.Concat(s.book(ctx, t, p.id, "alice", "bob"), s.book(ctx, t, p.id, "bob", "carol"),
		s.book(ctx, t, p.id, "alice"))
	bad := p.events[p.bad] // p.events may grow while the handler runs
	p.w.fail = func(_ context.Context, r eventstore.Record) error {
		if r.ID == bad && p.failing.on() {
			return errEvent
		}
		return nil
	}
	p.sub = s.subscribe(ctx, t, s.ordered(p.w, order))
	listed(ctx, t, p.letters, p.w.group, letters)
	caughtUp(ctx, t, p.sub)
	return p
}

// again subscribes the group in an order, when no member is left.
func (p *poisoned) again(ctx context.Context, t test, s *delivery, order subscription.Order) {
	t.Helper()
	must(t, "closing a subscription", p.sub.Close())
	p.w.forgetTogether()
	p.sub = s.subscribe(ctx, t, s.ordered(p.w, order))
}

// some returns the events with the indexes.
func (p *poisoned) some(indexes ...int) []string {
	var some []string
	for _, i := range indexes {
		some = append(some, p.events[i])
	}
	return some
}

// of waits until the letters are of these events, and returns them. They must be of the key.
func (p *poisoned) of(ctx context.Context, t test, key func(id string) string, events []string) []subscription.Letter {
	t.Helper()
	var all []subscription.Letter
	var found []string
	until(ctx, t, "the right events are dead letters", func() bool {
		all, found = listed(ctx, t, p.letters, p.w.group, len(events)), nil
		for _, l := range all {
			e, _, err := p.letters.Show(ctx, l.ID)
			must(t, "showing a dead letter", err)
			if l.AggregateID != e.AggregateID {
				fatal(t, "a dead letter names another aggregate than its event", l.AggregateID, e.AggregateID)
			}
			found = append(found, e.ID)
		}
		return slices.Equal(found, events)
	}, func() any { return fmt.Sprintf("found %v, expected %v", found, events) })
	for i, l := range all {
		if l.Key != key(l.AggregateID) || l.Waiting != (i > 0) || l.Redrive {
			fatal(t, "a dead letter is not as it must be", i, fmt.Sprintf("%+v", l))
		}
	}
	return all
}

// itself is the key of a stream in the order by stream.
func itself(id string) string { return id }

// keySetAside looks at a partition key one of whose events fails, and redrives and discards.
func keySetAside(t test, s *delivery) {
	ctx := s.context(t)
	p := s.poisonKey(ctx, t, subscription.ByPartitionKey, 4)
	good := p.w.stream("good")
	p.w.onceOfKey(ctx, t, good, s.book(ctx, t, good, "alice", "bob"))
	all := p.of(ctx, t, eventstore.BeforeSlash.Of, p.events[1:])
	p.again(ctx, t, s, subscription.ByPartitionKey)
	caughtUp(ctx, t, p.sub)
	must(t, "a redrive", p.letters.Redrive(ctx, all[3].ID, "of the key"))
	until(ctx, t, "a redrive that fails is told", func() bool {
		return slices.Equal(p.happened(ctx, t, all[0].ID), []string{"dead", "redrive", "failed"})
	}, func() any { return p.happened(ctx, t, all[0].ID) })
	p.of(ctx, t, eventstore.BeforeSlash.Of, p.events[1:])
	p.w.onceOfKey(ctx, t, p.id, p.some(0))
	p.failing.off()
	must(t, "a redrive", p.letters.Redrive(ctx, all[2].ID, "of the key"))
	p.w.onceOfKey(ctx, t, p.id, p.events)
	listed(ctx, t, p.letters, p.w.group, 0)
	want := []string{"waiting", "redrive", "redrive", "handled"}
	if found := p.happened(ctx, t, all[1].ID); !slices.Equal(found, want) {
		fatal(t, "what happened to a letter of a partition key is not what is told", found)
	}

	p = s.poisonKey(ctx, t, subscription.ByPartitionKey, 4)
	first := listed(ctx, t, p.letters, p.w.group, 4)[0]
	must(t, "giving an event up", p.letters.Discard(ctx, first.ID, "a test event"))
	p.w.onceOfKey(ctx, t, p.id, p.some(0, 2, 3, 4))
	listed(ctx, t, p.letters, p.w.group, 0)
}

// streamSetAside looks at the streams of a partition key, in the order by stream.
func streamSetAside(t test, s *delivery) {
	ctx := s.context(t)
	p := s.poisonKey(ctx, t, subscription.ByStream, 2)
	p.w.once(ctx, t, p.id+"/alice", p.some(0, 4))
	p.w.once(ctx, t, p.id+"/carol", p.some(3))
	first := p.of(ctx, t, itself, p.some(1, 2))[0]
	p.failing.off()
	must(t, "a redrive", p.letters.Redrive(ctx, first.ID, "mended"))
	p.w.once(ctx, t, p.id+"/bob", p.some(1, 2))
}

// goesOnByKey starts a group by partition key that has letters of streams.
func goesOnByKey(t test, s *delivery) {
	ctx := s.context(t)
	p := s.poisonKey(ctx, t, subscription.ByStream, 2)
	before := p.w.ofKey(p.id)
	p.again(ctx, t, s, subscription.ByPartitionKey)
	p.events = append(p.events, s.book(ctx, t, p.id, "alice", "carol")...)
	all := p.of(ctx, t, eventstore.BeforeSlash.Of, p.some(1, 2, 5, 6))
	caughtUp(ctx, t, p.sub)
	if found := p.w.ofKey(p.id); !slices.Equal(found, before) {
		fatal(t, "an event overtakes a letter that was set aside in the order by stream", found, before)
	}
	p.failing.off()
	must(t, "a redrive", p.letters.Redrive(ctx, all[3].ID, "mended"))
	p.w.onceOfKey(ctx, t, p.id, slices.Concat(before, p.some(1, 2, 5, 6)))
	listed(ctx, t, p.letters, p.w.group, 0)
}

// goesOnByStream starts a group by stream that has letters of a partition key.
func goesOnByStream(t test, s *delivery) {
	ctx := s.context(t)
	p := s.poisonKey(ctx, t, subscription.ByPartitionKey, 4)
	p.again(ctx, t, s, subscription.ByStream)
	p.w.once(ctx, t, p.id+"/carol", p.some(3)) // by itself
	p.events = append(p.events, s.book(ctx, t, p.id, "alice", "bob")...)
	p.w.once(ctx, t, p.id+"/alice", p.some(0, 4, 5))
	first := p.of(ctx, t, itself, p.some(1, 2, 6))[0]
	p.failing.off()
	must(t, "a redrive", p.letters.Redrive(ctx, first.ID, "mended"))
	p.w.once(ctx, t, p.id+"/bob", p.some(1, 2, 6))
	listed(ctx, t, p.letters, p.w.group, 0)
}
