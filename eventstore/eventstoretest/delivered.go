package eventstoretest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
)

// deliveredInOrder appends before and while a subscription runs.
func deliveredInOrder(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	w.fail = func(ctx context.Context, _ eventstore.Record) error { // so that two at once would meet
		return clock.Wait(ctx, 100*time.Microsecond)
	}
	want := make(map[string][]string)
	for i := range 8 {
		id := w.stream(fmt.Sprint(i))
		want[id] = s.append(ctx, t, id, 5)
	}
	sub := s.subscribe(ctx, t, s.config(w))
	for id := range want {
		want[id] = append(want[id], s.append(ctx, t, id, 5)...)
	}
	total := int64(0)
	for id, events := range want {
		w.once(ctx, t, id, events)
		total += int64(len(events))
	}
	caughtUp(ctx, t, sub)
	st := sub.Stats()
	if st.Handled < total || st.Retried+st.DeadLettered+st.Parked+st.Redriven > 0 || st.Stopped > 0 {
		fatal(t, "the numbers of a subscription are wrong", fmt.Sprintf("%+v after %d events", st, total))
	}
	must(t, "a subscription that runs", sub.Err())
	must(t, "closing a subscription", sub.Close())

	sub = s.subscribe(ctx, t, s.config(w)) // goes on behind what is done
	more := w.stream("more")
	w.once(ctx, t, more, s.append(ctx, t, more, 2))
	caughtUp(ctx, t, sub)
	for id, events := range want {
		w.once(ctx, t, id, events)
	}
}

// handledAtOnce makes the handlers of two aggregates wait for each other.
func handledAtOnce(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	first, second := w.stream("first"), w.stream("second")
	entered := map[string]chan struct{}{first: make(chan struct{}, 1), second: make(chan struct{}, 1)}
	w.fail = func(ctx context.Context, r eventstore.Record) error {
		other := first
		if r.AggregateID == first {
			other = second
		}
		select {
		case entered[r.AggregateID] <- struct{}{}:
		default: // it is called again
		}
		select {
		case <-entered[other]:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	want, others := s.append(ctx, t, first, 1), s.append(ctx, t, second, 1)
	s.subscribe(ctx, t, s.config(w))
	w.saw(ctx, t, first, want)
	w.saw(ctx, t, second, others)
}

// othersGoOn makes an event fail for a while.
func othersGoOn(t test, s *delivery) {
	ctx, w, away := s.context(t), newWitness(), newSwitch()
	bad := w.stream("bad")
	want := s.append(ctx, t, bad, 3)
	w.fail = func(_ context.Context, r eventstore.Record) error {
		if r.ID == want[0] && away.on() {
			return errPeer
		}
		return nil
	}
	cfg := s.config(w)
	cfg.Classify = func(error) subscription.Verdict { return subscription.RetryForever }
	s.subscribe(ctx, t, cfg)
	for i := range 5 {
		id := w.stream(fmt.Sprint("good ", i))
		w.once(ctx, t, id, s.append(ctx, t, id, 3))
	}
	until(ctx, t, "an event that fails is tried again", func() bool { return w.called(want[0]) > 5 })
	if done := w.of(bad); len(done) > 0 {
		fatal(t, "an event overtakes an earlier one of its aggregate that is tried again", done)
	}
	away.off()
	w.once(ctx, t, bad, want)
}

// causeKnown looks at the context of the handler.
func causeKnown(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	id := w.stream("a")
	causes := make(chan event.Cause, 1)
	w.fail = func(ctx context.Context, _ eventstore.Record) error {
		select {
		case causes <- event.CauseFrom(ctx):
		default:
		}
		return nil
	}
	want := s.append(ctx, t, id, 1)
	s.subscribe(ctx, t, s.config(w))
	w.saw(ctx, t, id, want)
	found, expected := <-causes, event.Cause{CorrelationID: "c-" + id, CausationID: want[0], ActorID: "actor"}
	if !reflect.DeepEqual(found, expected) {
		fatal(t, "the context of a handler has another cause than the event", "found", found, "expected", expected)
	}
}

// groupsApart lets two groups handle the same events.
func groupsApart(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	id := w.stream("a")
	want := s.append(ctx, t, id, 3)
	s.subscribe(ctx, t, s.config(w))
	other := witnessOf(w.streams)
	s.subscribe(ctx, t, s.config(other))
	w.once(ctx, t, id, want)
	other.once(ctx, t, id, want)
}

// startsOnce begins groups at several places. A group that has begun does not begin again.
func startsOnce(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	id := w.stream("a")
	old := s.append(ctx, t, id, 2)
	recent := s.appendAt(ctx, t, id, clock.Now(), 1)
	all := slices.Concat(old, recent)
	var stored []eventstore.Record
	for r, err := range s.store.ReadStream(ctx, eventstore.Stream{Category: s.category, ID: id}, 1) {
		must(t, "reading a stream", err)
		stored = append(stored, r)
	}
	cursor := make(eventstore.Cursor)
	cursor.Advance(stored[1].Position)
	for _, c := range []struct {
		what  string
		start eventstore.Start
		want  []string
	}{
		{"the beginning", eventstore.Beginning(), all},
		{"a cursor", eventstore.After(cursor), all[2:]},
		{"the end", eventstore.End(), nil},
		{"a time", eventstore.Since(stored[len(old)].Timestamp), recent},
		{"a time to come", eventstore.Since(clock.Now().Add(time.Hour)), nil},
	} {
		one := witnessOf(w.streams)
		cfg := s.config(one)
		cfg.Start = c.start
		sub := s.subscribe(ctx, t, cfg)
		caughtUp(ctx, t, sub)
		must(t, "closing a subscription", sub.Close())
		if found := one.of(id); !slices.Equal(found, c.want) {
			fatal(t, "a group that starts at "+c.what+" does not begin there", "found", found, "expected", c.want)
		}
		late := w.stream("after " + c.what)
		more := s.append(ctx, t, late, 2) // while no member runs
		cfg.Start = eventstore.End()
		sub = s.subscribe(ctx, t, cfg)
		one.saw(ctx, t, late, more)
		must(t, "closing a subscription", sub.Close())
	}
}
