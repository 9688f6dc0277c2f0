package eventstoretest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// waitMutants tell something else of what is waited for.
func waitMutants() []sourceMutant {
	waits := func(check, name string, change func([]subscription.Wait) []subscription.Wait) sourceMutant {
		return sourceMutant{name: name, caughtBy: caughtBy(check), config: soon(), breaks: subscribed(
			func(_ context.Context, s *brokenSubscription) {
				s.waits = func() []subscription.Wait { return change(s.Subscription.Waits()) }
			})}
	}
	without := func(drop func(subscription.Wait) bool) func([]subscription.Wait) []subscription.Wait {
		return func(all []subscription.Wait) []subscription.Wait { return slices.DeleteFunc(all, drop) }
	}
	stats := func(check, name string, change func(*subscription.Stats)) sourceMutant {
		return sourceMutant{name: name, caughtBy: caughtBy(check), config: soon(), breaks: subscribed(
			func(_ context.Context, s *brokenSubscription) {
				s.stats = func() subscription.Stats {
					st := s.Subscription.Stats()
					change(&st)
					return st
				}
			})}
	}
	var last []subscription.Wait
	return []sourceMutant{
		waits(waiting, "waits in silence", func([]subscription.Wait) []subscription.Wait { return nil }),
		waits(waiting, "does not name the event that waits", func(all []subscription.Wait) []subscription.Wait {
			for i := range all {
				all[i].EventID = ""
			}
			return all
		}),
		waits(waiting, "does not say what it waits for", func(all []subscription.Wait) []subscription.Wait {
			for i := range all {
				all[i].For = ""
			}
			return all
		}),
		waits(waiting, "tells of a wait that is over", func(all []subscription.Wait) []subscription.Wait {
			if len(all) > 0 {
				last = all
			}
			return last
		}),
		stats(waiting, "does not count what waits", func(st *subscription.Stats) { st.Waiting = 0 }),
		stats(inOrder, "is always behind", func(st *subscription.Stats) { st.Lag++ }),
		stats(inOrder, "counts nothing as handled", func(st *subscription.Stats) { st.Handled = 0 }),
		waits(hanging, "says nothing of a handler that hangs",
			without(func(w subscription.Wait) bool { return w.Err == nil })),
		waits(full, "says nothing of a partition", without(func(w subscription.Wait) bool { return w.Key == "" })),
	}
}

// mistakeMutants take what is wrong, and contexts that have ended.
func mistakeMutants() []sourceMutant {
	return []sourceMutant{
		{name: "tells one mistake", caughtBy: caughtBy(mistakes), breaks: func(s *brokenSource) {
			s.subscribe = func(ctx context.Context, cfg subscription.Config) (subscription.Subscription, error) {
				sub, err := s.Store.Subscribe(ctx, cfg)
				if err != nil {
					first, _, _ := strings.Cut(err.Error(), "\n")
					return nil, errors.New(first)
				}
				return sub, nil
			}
		}},
		{name: "subscribes whatever the context", caughtBy: caughtBy(endedContexts), breaks: func(s *brokenSource) {
			s.subscribe = func(ctx context.Context, cfg subscription.Config) (subscription.Subscription, error) {
				return s.Store.Subscribe(context.WithoutCancel(ctx), cfg)
			}
		}},
		{name: "opens letters whatever the context", caughtBy: caughtBy(endedContexts), breaks: func(s *brokenSource) {
			s.letters = func(ctx context.Context) (subscription.DeadLetters, error) {
				return s.Store.DeadLetters(context.WithoutCancel(ctx))
			}
		}},
		{
			name: "lists letters whatever the context", caughtBy: caughtBy(endedContexts),
			breaks: lettersOf(func(d *brokenLetters) {
				d.list = func(ctx context.Context, handler string) ([]subscription.Letter, error) {
					return d.DeadLetters.List(context.WithoutCancel(ctx), handler)
				}
			}),
		},
		{
			name: "ends with the context of Subscribe", caughtBy: caughtBy(endedContexts), config: soon(),
			breaks: subscribed(
				func(ctx context.Context, s *brokenSubscription) {
					context.AfterFunc(ctx, func() { _ = s.Subscription.Close() })
				}),
		},
	}
}

var errSelf = errors.New("it waits for itself")

// endMutants end in another way.
func endMutants() []sourceMutant {
	ends := func(check, name string, breaks func(*brokenSubscription)) sourceMutant {
		return sourceMutant{name: name, caughtBy: caughtBy(check), config: soon(), breaks: subscribed(
			func(_ context.Context, s *brokenSubscription) { breaks(s) })}
	}
	never := make(chan struct{})
	always := make(chan struct{})
	close(always)
	later := func() (*memory.Store, error) { return memory.New(memory.Config{Categories: []string{"Account"}}) }
	return []sourceMutant{
		ends(closes, "does not wait for handlers", func(s *brokenSubscription) {
			s.close = func() error {
				go func() { _ = s.Subscription.Close() }()
				return nil
			}
		}),
		ends(closes, "never says that it is done",
			func(s *brokenSubscription) { s.done = func() <-chan struct{} { return never } }),
		ends(closes, "fails after a close",
			func(s *brokenSubscription) { s.err = func() error { return eventstore.ErrClosed } }),
		ends(closes, "can be closed once", func(s *brokenSubscription) {
			var closed atomic.Bool
			s.close = func() error {
				if closed.Swap(true) {
					return eventstore.ErrClosed
				}
				return s.Subscription.Close()
			}
		}),
		ends(closesItself, "waits for itself", func(s *brokenSubscription) {
			s.close = func() error {
				err := s.Subscription.Close()
				select {
				case <-s.Subscription.Done():
					return err
				case <-time.After(100 * time.Millisecond):
					return errSelf
				}
			}
		}),
		ends(closesItself, "is done before its handler", func(s *brokenSubscription) {
			s.done = func() <-chan struct{} { return always }
		}),
		ends(closesItself, "is not ended by its handler", func(s *brokenSubscription) {
			var called atomic.Bool
			s.close = func() error {
				if called.Swap(true) {
					return s.Subscription.Close()
				}
				return nil
			}
		}),
		{name: "waits for itself", caughtBy: caughtBy(closesStore), breaks: func(s *brokenSource) {
			s.close = func() error { return errors.Join(s.Store.Close(), errSelf) }
		}},
		{name: "does not end its subscriptions", caughtBy: caughtBy(closedStore), breaks: func(s *brokenSource) {
			s.close = func() error { return nil }
		}},
		{name: "subscribes though it is closed", caughtBy: caughtBy(closedStore), breaks: func(s *brokenSource) {
			s.subscribe = func(ctx context.Context, cfg subscription.Config) (subscription.Subscription, error) {
				sub, err := s.Store.Subscribe(ctx, cfg)
				if errors.Is(err, eventstore.ErrClosed) {
					return nil, nil
				}
				return sub, err
			}
		}},
		{name: "opens letters though it is closed", caughtBy: caughtBy(closedStore), breaks: func(s *brokenSource) {
			s.letters = func(ctx context.Context) (subscription.DeadLetters, error) {
				store, err := later()
				if err != nil {
					return nil, err
				}
				return store.DeadLetters(ctx)
			}
		}},
	}
}
