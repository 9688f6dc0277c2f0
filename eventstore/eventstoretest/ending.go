package eventstoretest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
)

// mistakesTold makes all mistakes at once.
func mistakesTold(t test, s *delivery) {
	ctx := s.context(t)
	_, err := s.store.Subscribe(ctx, subscription.Config{
		Category: "Nothing", Order: 100, Concurrency: -1, MaxInFlight: -2,
		Retry: subscription.Retry{Attempts: -1, First: -1}, Deployment: -1, LongWait: -1,
	})
	if err == nil {
		fatal(t, "a subscription with mistakes is taken")
	}
	for _, want := range []string{
		"Group", "Category", "Handler", "Order", "Concurrency", "MaxInFlight", "Attempts", "pauses", "Deployment",
		"LongWait",
	} {
		if !strings.Contains(err.Error(), want) {
			fatal(t, "a mistake of a subscription is not told: "+want, err)
		}
	}
}

// endedContextTold subscribes with a context that has ended, and ends one while a subscription
// runs.
func endedContextTold(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.store.Subscribe(ended, s.config(w)); !errors.Is(err, context.Canceled) {
		fatal(t, "subscribing with a context that has ended does not fail with its error", "found", err)
	}
	if _, err := s.store.DeadLetters(ended); !errors.Is(err, context.Canceled) {
		fatal(t, "opening the dead letters with a context that has ended does not fail with its error", "found", err)
	}
	d := s.letters(ctx, t)
	if _, err := d.List(ended, ""); !errors.Is(err, context.Canceled) {
		fatal(t, "listing dead letters with a context that has ended does not fail with its error", "found", err)
	}
	beginning, cancel := context.WithCancel(ctx)
	sub := s.subscribe(beginning, t, s.config(w))
	cancel()
	never(ctx, t, "a subscription ends with the context that it was begun with", func() bool {
		select {
		case <-sub.Done():
			return true
		default:
			return false
		}
	})
	id := w.stream("a")
	w.once(ctx, t, id, s.append(ctx, t, id, 2))
}

// closeWaits closes a subscription while its handler runs.
func closeWaits(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	s.append(ctx, t, w.stream("a"), 1)
	entered := make(chan struct{})
	var returned, told atomic.Bool
	w.fail = func(inside context.Context, _ eventstore.Record) error {
		if told.Swap(true) {
			return nil
		}
		close(entered)
		select {
		case <-inside.Done():
		case <-ctx.Done():
			return nil
		}
		_ = clock.Wait(ctx, 20*time.Millisecond) // for a Close that does not wait
		returned.Store(true)
		return nil
	}
	sub := s.subscribe(ctx, t, s.config(w))
	<-entered
	must(t, "closing a subscription", sub.Close())
	if !returned.Load() {
		fatal(t, "Close returns before the handler, whose context it ends")
	}
	select {
	case <-sub.Done():
	default:
		fatal(t, "Done is not closed when Close has returned")
	}
	must(t, "closing a subscription again", sub.Close())
	must(t, "a subscription that was closed", sub.Err())
}

// handlerCloses closes a subscription from within its handler.
func handlerCloses(t test, s *delivery) {
	s.closesWithin(t, func(sub subscription.Subscription) error { return sub.Close() })
}

// handlerClosesStore closes the store from within a handler.
func handlerClosesStore(t test, s *delivery) {
	s.closesWithin(t, func(subscription.Subscription) error { return s.store.Close() })
	must(t, "closing a store that a handler has closed", s.store.Close())
	s.store = s.open()
}

func (s *delivery) closesWithin(t test, closes func(subscription.Subscription) error) {
	ctx, w := s.context(t), newWitness()
	s.append(ctx, t, w.stream("a"), 1)
	subscribed, result := make(chan subscription.Subscription, 1), make(chan error, 1)
	var called atomic.Bool
	w.fail = func(context.Context, eventstore.Record) error {
		if called.Swap(true) {
			return nil
		}
		sub := <-subscribed
		err := closes(sub)
		select {
		case <-sub.Done():
			err = errors.Join(err, errors.New("it ended before its handler"))
		default:
		}
		result <- err
		return nil
	}
	sub := s.subscribe(ctx, t, s.config(w))
	subscribed <- sub
	select {
	case err := <-result:
		must(t, "closing from within a handler", err)
	case <-ctx.Done():
		fatal(t, "a handler that closes waits for itself")
	}
	select {
	case <-sub.Done():
	case <-ctx.Done():
		fatal(t, "a subscription does not end that its handler has closed")
	}
	must(t, "a subscription that its handler has closed", sub.Err())
}

// storeCloses closes the store while a subscription runs.
func storeCloses(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	id := w.stream("a")
	sub := s.subscribe(ctx, t, s.config(w))
	w.once(ctx, t, id, s.append(ctx, t, id, 2))
	must(t, "closing the store", s.store.Close())
	select {
	case <-sub.Done():
	default:
		fatal(t, "a store is closed, and a subscription of it has not ended")
	}
	must(t, "a subscription whose store was closed", sub.Err())
	must(t, "closing a subscription whose store was closed", sub.Close())
	_, err := s.store.Subscribe(ctx, s.config(w))
	closedError(t, "subscribing at a closed store", err)
	_, err = s.store.DeadLetters(ctx)
	closedError(t, "opening the dead letters of a closed store", err)
	s.store = s.open()
}
