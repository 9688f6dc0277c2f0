package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// Errors of handlers.
var (
	errPeer  = errors.New("a peer is away")
	errEvent = errors.New("the event is bad")
)

// toggle is on until it is switched off.
type toggle struct{ isOff atomic.Bool }

func newSwitch() *toggle { return new(toggle) }

func (s *toggle) on() bool { return !s.isOff.Load() }
func (s *toggle) off()     { s.isOff.Store(true) }

// verdictsHold makes the first event of a stream fail for each verdict.
func verdictsHold(t test, s *delivery) {
	ctx, d := s.context(t), s.letters(s.context(t), t)
	const patience = 100 * time.Millisecond
	for _, c := range []struct {
		verdict  subscription.Verdict
		fails    int // so many attempts
		least    int // attempts before a letter
		most     int
		letter   bool
		succeeds bool
	}{
		{
			verdict: subscription.RetryThenDeadLetter, fails: 1_000_000, least: quickAttempts, most: quickAttempts,
			letter: true,
		},
		{verdict: subscription.RetryThenDeadLetter, fails: quickAttempts - 1, succeeds: true},
		{verdict: subscription.RetryForever, fails: 5 * quickAttempts, succeeds: true},
		{
			verdict: subscription.WaitThenDeadLetter, fails: 1_000_000, least: 2, most: 1_000_000, // and see patience
			letter: true,
		},
		{verdict: subscription.DeadLetterAtOnce, fails: 1_000_000, least: 1, most: 1, letter: true},
		{verdict: subscription.Handled, fails: 1_000_000},
	} {
		w, what := newWitness(), fmt.Sprintf("verdict %s after %d failures", c.verdict, c.fails)
		id := w.stream("a")
		want := s.append(ctx, t, id, 2)
		bad, left := want[0], c.fails
		w.fail = func(_ context.Context, r eventstore.Record) error {
			if r.ID == bad && left > 0 { // one event of an aggregate at a time
				left--
				return errEvent
			}
			return nil
		}
		cfg := s.config(w)
		cfg.Deployment = patience
		cfg.Classify = func(err error) subscription.Verdict {
			if !errors.Is(err, errEvent) {
				return subscription.DeadLetterAtOnce
			}
			return c.verdict
		}
		sub := s.subscribe(ctx, t, cfg)
		if !c.letter {
			if !c.succeeds { // it is no failure, and the events behind it go on
				want = want[1:]
			}
			w.once(ctx, t, id, want)
			listed(ctx, t, d, w.group, 0)
			if c.succeeds && sub.Stats().Retried != int64(c.fails) {
				fatal(t, "the number of retries is wrong for "+what, sub.Stats().Retried)
			}
			must(t, "closing a subscription", sub.Close())
			continue
		}
		l := listed(ctx, t, d, w.group, len(want))[0]
		if l.Attempts < c.least || l.Attempts > c.most || l.Attempts != w.called(bad) || l.Error != errEvent.Error() {
			fatal(t, "an event becomes a dead letter in another way than its verdict says", what, fmt.Sprintf("%+v", l))
		}
		if lasted := l.Last.Sub(l.First); c.verdict == subscription.WaitThenDeadLetter && lasted < patience {
			fatal(t, "an event becomes a dead letter before its time for a deployment is over", lasted)
		}
		must(t, "closing a subscription", sub.Close())
	}
}

// errorsJudged leaves Classify to the store.
func errorsJudged(t test, s *delivery) {
	ctx, d := s.context(t), s.letters(s.context(t), t)
	for _, c := range []struct {
		what string
		err  error
		want subscription.Verdict
	}{
		{"what cannot be decoded", eventstore.ErrUndecodable, subscription.DeadLetterAtOnce},
		{
			"what is not known yet", fmt.Errorf("%w: %w", eventstore.ErrUndecodable, eventstore.ErrUnknownEvent),
			subscription.WaitThenDeadLetter,
		},
		{"a conflict", eventstore.ErrConflict, subscription.RetryForever},
		{"another instance's partition", eventstore.ErrNotOwner, subscription.RetryForever},
		{"an append in doubt", eventstore.ErrOutcomeUnknown, subscription.RetryForever},
		{"any other error", errEvent, subscription.RetryThenDeadLetter},
	} {
		w := newWitness()
		id := w.stream("a")
		want := s.append(ctx, t, id, 1)
		failing := newSwitch()
		w.fail = func(context.Context, eventstore.Record) error {
			if failing.on() {
				return fmt.Errorf("handle: %w", c.err)
			}
			return nil
		}
		sub := s.subscribe(ctx, t, s.config(w))
		switch c.want {
		case subscription.RetryForever, subscription.WaitThenDeadLetter:
			until(ctx, t, "an event is tried again after "+c.what,
				func() bool { return w.called(want[0]) > 2*quickAttempts })
			listed(ctx, t, d, w.group, 0)
			failing.off()
			w.once(ctx, t, id, want)
		default:
			attempts := map[subscription.Verdict]int{
				subscription.DeadLetterAtOnce:    1,
				subscription.RetryThenDeadLetter: quickAttempts,
			}
			if l := listed(ctx, t, d, w.group, 1)[0]; l.Attempts != attempts[c.want] {
				fatal(t, "an event becomes a dead letter after another number of attempts, for "+c.what, l.Attempts)
			}
		}
		must(t, "closing a subscription", sub.Close())
	}
}

// restJudged has a Classify that judges one error, and another one wrongly.
func restJudged(t test, s *delivery) {
	ctx, d, w := s.context(t), s.letters(s.context(t), t), newWitness()
	errRest := errors.New("nobody knows")
	fails := map[string]error{
		w.stream("judged"): errEvent, w.stream("left"): errRest, w.stream("wrongly"): errPeer,
		w.stream("left for good"): eventstore.ErrUndecodable,
	}
	attempts := map[string]int{
		w.stream("left"): quickAttempts, w.stream("wrongly"): quickAttempts, w.stream("left for good"): 1,
	}
	w.fail = func(_ context.Context, r eventstore.Record) error { return fails[r.AggregateID] }
	for id := range fails {
		s.append(ctx, t, id, 1)
	}
	cfg := s.config(w)
	cfg.Classify = func(err error) subscription.Verdict {
		switch {
		case errors.Is(err, errEvent):
			return subscription.Handled
		case errors.Is(err, errPeer):
			return noVerdict
		}
		return subscription.Default
	}
	sub := s.subscribe(ctx, t, cfg)
	for _, l := range listed(ctx, t, d, w.group, len(attempts)) {
		if l.Attempts != attempts[l.AggregateID] {
			fatal(t, "the store does not judge what Classify leaves to it", fmt.Sprintf("%+v, expected %d attempts", l,
				attempts[l.AggregateID]))
		}
		if told := strings.Contains(l.Error, noVerdict.String()); told != (l.AggregateID == w.stream("wrongly")) {
			fatal(t, "a Classify that returns no verdict is not told", l.Error)
		}
	}
	caughtUp(ctx, t, sub)
}

const noVerdict = subscription.Verdict(-1)

// goroutinesEnded lets the user's code do to its goroutine what it can.
func goroutinesEnded(t test, s *delivery) {
	ctx, d, w := s.context(t), s.letters(s.context(t), t), newWitness()
	says := map[string]string{
		w.stream("panics"):           "panicked: boom",
		w.stream("panics with"):      "panicked",
		w.stream("exits"):            "ended its goroutine",
		w.stream("unjudged, panics"): "Classify of group " + w.group + " panicked: boom",
		w.stream("unjudged, exits"):  "Classify of group " + w.group + " ended its goroutine",
	}
	w.fail = func(_ context.Context, r eventstore.Record) error {
		switch name := strings.TrimPrefix(r.AggregateID, w.streams); name {
		case "panics":
			panic("boom")
		case "panics with":
			panic(fmt.Errorf("dial: %w", eventstore.ErrNotOwner)) // which would be tried for ever
		case "exits":
			runtime.Goexit()
		case "unjudged, panics", "unjudged, exits":
			return errors.New(name)
		}
		return nil
	}
	cfg := s.config(w)
	cfg.Classify = func(err error) subscription.Verdict {
		switch err.Error() {
		case "unjudged, panics":
			panic("boom")
		case "unjudged, exits":
			runtime.Goexit()
		}
		return subscription.Default
	}
	for id := range says {
		s.append(ctx, t, id, 1)
	}
	good := w.stream("good")
	want := s.append(ctx, t, good, 5)
	sub := s.subscribe(ctx, t, cfg)
	w.once(ctx, t, good, want)
	for _, l := range listed(ctx, t, d, w.group, len(says)) {
		if !strings.Contains(l.Error, says[l.Key]) || l.Attempts != quickAttempts {
			fatal(t, "a dead letter does not say what the handler did", fmt.Sprintf("%+v, expected %s", l, says[l.Key]))
		}
	}
	must(t, "a subscription whose handlers panic", sub.Err())
}
