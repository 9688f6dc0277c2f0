package eventstoretest

import (
	"context"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// membersShare runs two members of one group.
func membersShare(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	first, second := s.subscribe(ctx, t, s.config(w)), s.subscribe(ctx, t, s.config(w))
	var one, other subscription.Stats
	until(ctx, t, "two members share the partitions", func() bool {
		one, other = first.Stats(), second.Stats()
		return one.Partitions+other.Partitions == one.Configured && one.Lag+other.Lag == 0 &&
			(one.Configured == 1 || one.Partitions > 0 && other.Partitions > 0)
	}, func() any { return fmt.Sprintf("%+v and %+v", one, other) })
	total, twice := 0, 0
	for i := range 20 {
		id := w.stream(fmt.Sprint(i))
		want := s.append(ctx, t, id, 2)
		w.saw(ctx, t, id, want)
		total, twice = total+len(want), twice+len(w.of(id))-len(want)
	}
	if twice > total/2 { // a few may be handled again where members move
		fatal(t, "two members of a group are handed the same events", twice, total)
	}
}

// handedOver closes a member amid its work.
func handedOver(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	id, other := w.stream("a"), w.stream("b")
	stuck := make(chan struct{}, 1)
	w.fail = func(ctx context.Context, r eventstore.Record) error {
		if r.AggregateID == id && r.AggregateVersion == 3 {
			select {
			case stuck <- struct{}{}:
			default:
			}
			<-ctx.Done() // the partition is taken away
			return context.Cause(ctx)
		}
		return nil
	}
	cfg := s.config(w)
	cfg.Start = eventstore.End() // so that nothing before is not done
	first := s.subscribe(ctx, t, cfg)
	want, others := s.append(ctx, t, id, 4), s.append(ctx, t, other, 3)
	<-stuck
	w.once(ctx, t, other, others)
	next := witnessOf(w.streams)
	next.group = w.group
	second := s.subscribe(ctx, t, s.config(next))
	must(t, "closing a member amid its work", first.Close())
	next.saw(ctx, t, id, want[2:])
	caughtUp(ctx, t, second)
	w.once(ctx, t, id, want[:2])
	want = append(want[2:], s.append(ctx, t, id, 2)...)
	next.once(ctx, t, id, want)
}
