package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// commitShown handles a commit whose events all end in another way, and looks at its letters.
func commitShown(t test, s *delivery) {
	ctx, w, away := s.context(t), newWitness(), newSwitch()
	key, d := w.stream("acme"), s.letters(s.context(t), t)
	names := []string{"alice", "bob", "carol", "dave", "bob", "erin"}
	events := s.book(ctx, t, key, names...)
	w.fail = func(_ context.Context, r eventstore.Record) error {
		switch {
		case r.ID == events[1], r.ID == events[3]:
			return errEvent
		case r.ID == events[5] && away.on():
			return errPeer
		}
		return nil
	}
	cfg := s.ordered(w, subscription.ByStream)
	cfg.Classify = func(err error) subscription.Verdict {
		if errors.Is(err, errPeer) {
			return subscription.RetryForever
		}
		return subscription.DeadLetterAtOnce
	}
	s.subscribe(ctx, t, cfg)
	byEvent := make(map[string]subscription.LetterID)
	for _, l := range listed(ctx, t, d, w.group, 3) {
		e, _, err := d.Show(ctx, l.ID)
		must(t, "showing a dead letter", err)
		byEvent[e.ID] = l.ID
	}
	must(t, "giving an event up", d.Discard(ctx, byEvent[events[3]], "a test event"))
	listed(ctx, t, d, w.group, 2)

	states := []subscription.State{
		subscription.StateHandled, subscription.StateDead, subscription.StateHandled, subscription.StateDiscarded,
		subscription.StateWaiting, subscription.StateUnhandled,
	}
	shows := func(index int) {
		t.Helper()
		id := byEvent[events[index]]
		first := id.Offset - int64(index)
		want := make([]subscription.Part, 0, len(names))
		versions := make(map[string]int64)
		for i, name := range names {
			versions[name]++
			want = append(want, subscription.Part{
				Stream:  eventstore.Stream{Category: s.ledgers, ID: key + "/" + name},
				Version: versions[name], Offset: first + int64(i), State: states[i],
			})
		}
		want = slices.Delete(want, index, index+1)
		var e subscription.Event
		until(ctx, t, "a dead letter shows what became of the others of its commit", func() bool {
			var err error
			e, _, err = d.Show(ctx, id)
			must(t, "showing a dead letter", err)
			return slices.Equal(e.Others, want)
		}, func() any { return fmt.Sprintf("found %+v, expected %+v", e.Others, want) })
		if part := (eventstore.CommitPart{Index: index + 1, Size: len(names), Several: true}); e.Commit != part {
			fatal(t, "a dead letter does not show which part of its commit it is", e.Commit, part)
		}
	}
	shows(1)
	shows(3) // which is no letter any more
	shows(4)
	away.off()
	w.once(ctx, t, key+"/erin", events[5:])
	states[5] = subscription.StateHandled
	shows(1)
}
