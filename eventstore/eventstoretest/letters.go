package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// poisoned is a subscription one of whose events fails for good until the switch is off.
type poisoned struct {
	w       *witness
	letters subscription.DeadLetters
	sub     subscription.Subscription
	id      string   // of the aggregate
	events  []string // of the aggregate
	bad     int      // the index of the event that fails
	failing *toggle
}

// poison appends events of an aggregate, one of which fails, and waits until it is set aside.
func (s *delivery) poison(ctx context.Context, t test, bad int) *poisoned {
	t.Helper()
	p := &poisoned{w: newWitness(), letters: s.letters(ctx, t), bad: bad, failing: newSwitch()}
	p.id = p.w.stream("bad")
	p.events = s.append(ctx, t, p.id, 4)
	p.w.fail = func(_ context.Context, r eventstore.Record) error {
		if r.ID == p.events[bad] && p.failing.on() {
			return errEvent
		}
		return nil
	}
	p.sub = s.subscribe(ctx, t, s.config(p.w))
	p.listed(ctx, t)
	return p
}

// listed waits until all events from the bad one on are letters, and returns them.
func (p *poisoned) listed(ctx context.Context, t test) []subscription.Letter {
	t.Helper()
	return listed(ctx, t, p.letters, p.w.group, len(p.events)-p.bad)
}

// happened returns what happened to a letter.
func (p *poisoned) happened(ctx context.Context, t test, id subscription.LetterID) []string {
	t.Helper()
	_, traces, err := p.letters.Show(ctx, id)
	must(t, "showing a dead letter", err)
	var all []string
	for _, one := range traces {
		all = append(all, one.What)
	}
	return all
}

// setAside looks at what becomes of an aggregate one of whose events fails, also for another
// member.
func setAside(t test, s *delivery) {
	ctx := s.context(t)
	p := s.poison(ctx, t, 2)
	good := p.w.stream("good")
	p.w.once(ctx, t, good, s.append(ctx, t, good, 3))
	all := p.listed(ctx, t)
	for i, l := range all {
		wrong := l.Key != p.id || l.AggregateID != p.id || l.ID.Handler != p.w.group || l.Redrive || l.At.IsZero() ||
			l.Waiting != (i > 0) || i > 0 && all[i-1].ID.Offset >= l.ID.Offset
		if i == 0 {
			wrong = wrong || l.Error != errEvent.Error() || l.Attempts != quickAttempts || l.First.IsZero() ||
				l.Last.Before(l.First)
		} else {
			wrong = wrong || l.Error != "" || l.Attempts != 0
		}
		if wrong {
			fatal(t, "a dead letter is not as it must be", i, fmt.Sprintf("%+v", l))
		}
		parsed, err := subscription.ParseLetterID(l.ID.String())
		if err != nil || parsed != l.ID {
			fatal(t, "the id of a letter is not read as it is written", l.ID, parsed, err)
		}
	}
	everyone, err := p.letters.List(ctx, "")
	must(t, "listing the dead letters of all handlers", err)
	if !slices.Contains(everyone, all[0]) {
		fatal(t, "the dead letters of all handlers lack one of a handler", everyone)
	}
	st := p.sub.Stats()
	if st.DeadLettered != 1 || st.Parked != int64(len(all)-1) || st.Retried != quickAttempts-1 {
		fatal(t, "the numbers of a subscription with dead letters are wrong", fmt.Sprintf("%+v", st))
	}
	must(t, "closing a subscription", p.sub.Close())

	p.failing.off() // the next member does not try by itself
	p.events = append(p.events, s.append(ctx, t, p.id, 1)...)
	p.sub = s.subscribe(ctx, t, s.config(p.w))
	p.listed(ctx, t)
	caughtUp(ctx, t, p.sub)
	never(ctx, t, "a member tries by itself what another one has set aside",
		func() bool { return len(p.w.of(p.id)) > p.bad })
	if found := p.w.of(p.id); !slices.Equal(found, p.events[:p.bad]) {
		fatal(t, "an event overtakes a dead letter of its aggregate", "found", found, "expected", p.events[:p.bad])
	}
}

// lettersShown shows letters, and asks for some that never were.
func lettersShown(t test, s *delivery) {
	ctx := s.context(t)
	p := s.poison(ctx, t, 0)
	all := p.listed(ctx, t)
	version := int64(0)
	for r, err := range s.store.ReadStream(ctx, eventstore.Stream{Category: s.category, ID: p.id}, 1) {
		must(t, "reading a stream", err)
		shown, traces, err := p.letters.Show(ctx, all[version].ID)
		must(t, "showing a dead letter", err)
		if len(shown.Others) != r.Commit.Size-1 {
			fatal(t, "a dead letter does not show the others of its commit", r.Commit, shown.Others)
		}
		if d := diff(shown.Record, r); d != "" {
			fatal(t, "the event of a dead letter is not the one of its stream", d)
		}
		want := subscription.Trace{At: traces[0].At, What: "waiting"}
		if version == 0 {
			want = subscription.Trace{At: traces[0].At, What: "dead", Note: errEvent.Error(), Attempts: quickAttempts}
		}
		if len(traces) != 1 || traces[0].At.IsZero() || !reflect.DeepEqual(traces[0], want) {
			fatal(t, "what happened to a dead letter is not what is told", fmt.Sprintf("%+v, expected %+v", traces,
				want))
		}
		version++
	}
	none := all[0].ID
	none.Handler += " of nobody"
	_, _, err := p.letters.Show(ctx, none)
	noLetter(t, err, none)
	noLetter(t, p.letters.Redrive(ctx, none, ""), none)
	noLetter(t, p.letters.Discard(ctx, none, ""), none)
}

// noLetter fails unless the error says that there is no such letter.
func noLetter(t test, err error, id subscription.LetterID) {
	t.Helper()
	var none *subscription.NoLetterError
	if !errors.Is(err, subscription.ErrNoLetter) || !errors.As(err, &none) || none.ID != id {
		fatal(t, "a dead letter that does not exist is not answered with a *NoLetterError", err)
	}
}

// redriven asks for an aggregate's letters while they fail still, and when they do not.
func redriven(t test, s *delivery) {
	ctx := s.context(t)
	p := s.poison(ctx, t, 1)
	first := p.listed(ctx, t)[0]
	must(t, "a redrive", p.letters.Redrive(ctx, first.ID, "the database is back"))
	until(ctx, t, "a redrive that fails is told", func() bool {
		return slices.Contains(p.happened(ctx, t, first.ID),
			"failed")
	})
	if found := p.w.of(p.id); !slices.Equal(found, p.events[:1]) {
		fatal(t, "an event overtakes a letter whose redrive has failed", found)
	}
	if l := p.listed(ctx, t)[0]; l.Attempts <= first.Attempts || l.Redrive {
		fatal(t, "a letter whose redrive has failed is not as it must be", fmt.Sprintf("%+v after %+v", l, first))
	}
	p.failing.off()
	must(t, "a redrive", p.letters.Redrive(ctx, first.ID, "mended"))
	p.w.once(ctx, t, p.id, p.events)
	listed(ctx, t, p.letters, p.w.group, 0)
	until(ctx, t, "a member counts the letters that were handled", func() bool {
		return p.sub.Stats().Redriven == int64(len(p.events)-1)
	}, func() any { return fmt.Sprintf("%+v", p.sub.Stats()) })
	want := []string{"dead", "redrive", "failed", "redrive", "handled"}
	if found := p.happened(ctx, t, first.ID); !slices.Equal(found, want) {
		fatal(t, "what happened to a letter that was handled is not what is told", found)
	}
	_, traces, err := p.letters.Show(ctx, first.ID)
	must(t, "showing a dead letter that was handled", err)
	if !strings.Contains(traces[1].Note, "the database is back") || !strings.Contains(traces[2].Note,
		errEvent.Error()) {
		fatal(t, "the notes of what happened to a letter are lost", fmt.Sprintf("%+v", traces))
	}
	noLetter(t, p.letters.Redrive(ctx, first.ID, "again"), first.ID)
	p.w.once(ctx, t, p.id, append(p.events, s.append(ctx, t, p.id, 2)...))
}

// discarded gives an event up, while a member runs and while none does.
func discarded(t test, s *delivery) {
	ctx := s.context(t)
	for _, running := range []bool{true, false} {
		p := s.poison(ctx, t, 0)
		first := p.listed(ctx, t)[0]
		attempts := p.w.called(p.events[0])
		if !running {
			must(t, "closing a subscription", p.sub.Close())
		}
		must(t, "giving an event up", p.letters.Discard(ctx, first.ID, "a test event"))
		noLetter(t, p.letters.Discard(ctx, first.ID, "again"), first.ID)
		p.failing.off()
		if !running {
			s.subscribe(ctx, t, s.config(p.w))
		}
		p.w.once(ctx, t, p.id, p.events[1:])
		listed(ctx, t, p.letters, p.w.group, 0)
		if p.w.called(p.events[0]) != attempts {
			fatal(t, "an event that was given up is handled again")
		}
		if found := p.happened(ctx, t, first.ID); !slices.Equal(found, []string{"dead", "discarded"}) {
			fatal(t, "what happened to a letter that was given up is not what is told", found)
		}
	}
}
