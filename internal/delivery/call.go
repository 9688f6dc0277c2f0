package delivery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/goroutine"
)

// call calls the handler, and asks what its error means. Their code runs in goroutines of their
// own: nothing else ends by what it does.
func (s *Subscriber) call(ctx context.Context, r eventstore.Record) (subscription.Verdict, error) {
	err := goroutine.Apart("handler of group "+s.cfg.Group, func() error {
		defer s.calls.enter()()
		return s.cfg.Handler(event.WithCause(ctx, r.Cause()), r)
	})
	if err == nil {
		return subscription.Handled, nil
	}
	verdict, unjudged := s.judge(err)
	if unjudged != nil {
		return subscription.RetryThenDeadLetter, errors.Join(err, unjudged)
	}
	if verdict == subscription.Default {
		verdict = s.store.Classify(err)
	}
	return verdict, err
}

// judge asks the subscription's own Classify what an error of the handler means.
func (s *Subscriber) judge(err error) (verdict subscription.Verdict, unjudged error) {
	if s.cfg.Classify == nil {
		return subscription.Default, nil
	}
	name := "Classify of group " + s.cfg.Group
	unjudged = goroutine.Apart(name, func() error {
		defer s.calls.enter()()
		if verdict = s.cfg.Classify(err); !verdict.Known() {
			return fmt.Errorf("%s returned %s, expected a verdict of package subscription", name, verdict)
		}
		return nil
	})
	return verdict, unjudged
}

// random returns a number from 0 to before 1.
func random() float64 { return rand.Float64() } //nolint:gosec // spreads retries, guards nothing

// calls are the goroutines in which a subscription's handler runs.
type calls struct{ running sync.Map }

// enter notes that the handler runs in this goroutine, until the function that it returns is
// called.
func (c *calls) enter() (leave func()) {
	id := goroutine.Current()
	if id == 0 { // a runtime that does not tell: then nobody is taken for the handler
		return func() {}
	}
	c.running.Store(id, true)
	return func() { c.running.Delete(id) }
}

// within reports whether the handler calls it.
func (c *calls) within() bool {
	_, found := c.running.Load(goroutine.Current())
	return found
}
