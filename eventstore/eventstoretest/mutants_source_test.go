package eventstoretest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// The names of the checks of subscriptions, as the suite prints them.
const (
	inOrder       = "every event is handled, those of an aggregate in order and one at a time"
	atOnce        = "events of several aggregates are handled at the same time"
	goOn          = "other aggregates go on while one is tried again"
	causes        = "handlers know the cause of what they do"
	groupwise     = "each group is handed every event"
	starting      = "a group begins where it is told, and goes on where it was"
	sharing       = "members of a group share the partitions"
	handover      = "a member that is closed hands over what is not done"
	verdicts      = "a verdict decides what becomes of an event"
	judging       = "without a Classify, errors are judged by what they mean"
	leaving       = "what Classify leaves to the store, the store judges"
	goroutines    = "a handler may panic or end its goroutine, and Classify too"
	aside         = "what fails for good is set aside, and its aggregate waits"
	shown         = "a dead letter is shown whole, with all that happened to it"
	redrives      = "a redrive handles an aggregate's letters again, in order"
	discards      = "what is discarded is never handled again, and the rest goes on"
	inOrderByKey  = "by partition key, events are handled in order and one at a time"
	goOnByKey     = "by partition key, other keys go on while one is tried again"
	asideByKey    = "by partition key, a dead letter makes all of the key wait"
	asideByStream = "by stream, a dead letter makes no other stream of its partition key wait"
	toKey         = "a group goes on by partition key with letters of streams"
	toStream      = "a group goes on by stream with letters of a partition key"
	commitOf      = "a dead letter shows what became of its commit"
	waiting       = "what is waited for is told"
	hanging       = "a handler that does not come back is told"
	full          = "a partition that is read no further is told"
	mistakes      = "all mistakes of a configuration are told"
	endedContexts = "nothing is begun for a context that has ended"
	closes        = "a subscription that is closed waits for its handlers"
	closesItself  = "a handler may close its subscription"
	closesStore   = "a handler may close the store"
	closedStore   = "a closed store ends its subscriptions, and begins none"
)

// sourceMutant is a way in which subscriptions can be wrong.
type sourceMutant struct {
	name     string
	breaks   func(*brokenSource)
	caughtBy []string
	config   eventstoretest.SubscriptionsConfig
}

func sourceMutants() []sourceMutant {
	return slices.Concat(deliveryMutants(), groupMutants(), verdictMutants(), errorMutants(), letterMutants(),
		requestMutants(), orderMutants(), partMutants(), waitMutants(), mistakeMutants(), endMutants())
}

// soon is for subscriptions that hang.
func soon() eventstoretest.SubscriptionsConfig {
	return eventstoretest.SubscriptionsConfig{Timeout: 400 * time.Millisecond}
}

func deliveryMutants() []sourceMutant {
	var one sync.Mutex
	return []sourceMutant{
		{name: "loses events", caughtBy: caughtBy(inOrder), config: soon(), breaks: handles(func(h handler) handler {
			return func(ctx context.Context, r eventstore.Record) error {
				if r.AggregateVersion%4 == 0 {
					return nil
				}
				return h(ctx, r)
			}
		})},
		{name: "hands events out twice", caughtBy: caughtBy(inOrder), breaks: handles(func(h handler) handler {
			return func(ctx context.Context, r eventstore.Record) error { return errors.Join(h(ctx, r), h(ctx, r)) }
		})},
		{
			name: "hands events out in another order", caughtBy: caughtBy(inOrder),
			breaks: handles(func(h handler) handler {
				var kept sync.Map
				return func(ctx context.Context, r eventstore.Record) error {
					if r.AggregateVersion%2 == 1 {
						kept.Store(r.AggregateID, r)
						return nil
					}
					before, _ := kept.Load(r.AggregateID)
					return errors.Join(h(ctx, r), h(ctx, before.(eventstore.Record)))
				}
			}),
		},
		{
			name: "hands out two events of an aggregate at once", caughtBy: caughtBy(inOrder),
			breaks: handles(func(h handler) handler {
				return func(ctx context.Context, r eventstore.Record) error {
					if r.AggregateVersion%2 == 1 {
						go func() { _ = h(context.WithoutCancel(ctx), r) }()
						return nil
					}
					return h(ctx, r)
				}
			}),
		},
		{
			name: "hands out one event at a time", caughtBy: caughtBy(atOnce), config: soon(),
			breaks: handles(func(h handler) handler {
				return func(ctx context.Context, r eventstore.Record) error {
					one.Lock()
					defer one.Unlock()
					return h(ctx, r)
				}
			}),
		},
		{
			name: "makes all wait for one", caughtBy: caughtBy(goOn, goOnByKey), config: soon(),
			breaks: handles(func(h handler) handler {
				var mu sync.Mutex
				return func(ctx context.Context, r eventstore.Record) error {
					mu.Lock()
					defer mu.Unlock()
					for ctx.Err() == nil {
						if h(ctx, r) == nil {
							return nil
						}
					}
					return ctx.Err()
				}
			}),
		},
		{
			name: "passes over what fails", caughtBy: caughtBy(goOn), config: soon(),
			breaks: handles(func(h handler) handler {
				return func(ctx context.Context, r eventstore.Record) error { _ = h(ctx, r); return nil }
			}),
		},
		{name: "loses the cause", caughtBy: caughtBy(causes), breaks: handles(func(h handler) handler {
			return func(_ context.Context, r eventstore.Record) error { return h(context.Background(), r) }
		})},
	}
}

func groupMutants() []sourceMutant {
	var n atomic.Int64
	return []sourceMutant{
		{
			name: "knows one group", caughtBy: caughtBy(groupwise), config: soon(),
			breaks: configured(func(cfg *subscription.Config) {
				cfg.Group = "the one"
			}),
		},
		{
			name: "forgets groups", caughtBy: caughtBy(inOrder, starting, sharing), config: soon(),
			breaks: configured(func(cfg *subscription.Config) { cfg.Group += fmt.Sprint(n.Add(1)) }),
		},
		{
			name: "begins at the beginning", caughtBy: caughtBy(starting),
			breaks: configured(func(cfg *subscription.Config) {
				cfg.Start = eventstore.Beginning()
			}),
		},
		{
			name: "begins at the end", caughtBy: caughtBy(starting, inOrder), config: soon(),
			breaks: configured(func(cfg *subscription.Config) {
				cfg.Start = eventstore.End()
			}),
		},
		{
			name: "begins at the end whatever the time", caughtBy: caughtBy(starting),
			breaks: configured(func(cfg *subscription.Config) {
				if !cfg.Start.Time().IsZero() {
					cfg.Start = eventstore.End()
				}
			}),
		},
		{
			name: "commits what a closed member has not done", caughtBy: caughtBy(handover), config: soon(),
			breaks: handles(
				func(h handler) handler {
					return func(ctx context.Context, r eventstore.Record) error {
						if err := h(ctx, r); ctx.Err() == nil {
							return err
						}
						return nil
					}
				}),
		},
		{
			name: "does not tell handlers that the partition is taken away", caughtBy: caughtBy(handover),
			config: soon(),
			breaks: handles(
				func(h handler) handler {
					return func(ctx context.Context, r eventstore.Record) error {
						ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx),
							time.Second) // longer than the check
						defer cancel()
						return h(ctx, r)
					}
				}),
		},
	}
}

func verdictMutants() []sourceMutant {
	const retry, forever, wait, once, done = subscription.RetryThenDeadLetter, subscription.RetryForever,
		subscription.WaitThenDeadLetter, subscription.DeadLetterAtOnce, subscription.Handled
	mutant := func(name string, breaks func(*brokenSource)) sourceMutant {
		return sourceMutant{name: name, caughtBy: caughtBy(verdicts), config: soon(), breaks: breaks}
	}
	return []sourceMutant{
		mutant("gives an event up at once", insteadOf(retry, once)),
		mutant("never gives an event up", insteadOf(retry, forever)),
		mutant("gives up what is not to blame", insteadOf(forever, retry)),
		mutant("waits for no deployment", insteadOf(wait, retry)),
		mutant("waits for a deployment for ever", insteadOf(wait, forever)),
		mutant("tries again what cannot succeed", insteadOf(once, retry)),
		mutant("sets aside what is handled", insteadOf(done, once)),
		mutant("counts attempts wrong", configured(func(cfg *subscription.Config) { cfg.Retry.Attempts++ })),
		mutant("cuts the time for a deployment short",
			configured(func(cfg *subscription.Config) { cfg.Deployment = 10 * time.Millisecond })),
	}
}

func errorMutants() []sourceMutant {
	always := func(verdict subscription.Verdict) func(*brokenSource) {
		return configured(func(cfg *subscription.Config) {
			if cfg.Classify == nil {
				cfg.Classify = func(error) subscription.Verdict { return verdict }
			}
		})
	}
	return []sourceMutant{
		{
			name: "gives every error the same meaning", caughtBy: caughtBy(judging), config: soon(),
			breaks: always(subscription.RetryThenDeadLetter),
		},
		{
			name: "takes every error for the last", caughtBy: caughtBy(judging), config: soon(),
			breaks: always(subscription.DeadLetterAtOnce),
		},
		{
			name: "takes no error for the event's", caughtBy: caughtBy(judging), config: soon(),
			breaks: always(subscription.RetryForever),
		},
		{
			name: "takes what is left to it for what cannot succeed", caughtBy: caughtBy(leaving), config: soon(),
			breaks: insteadOf(subscription.Default, subscription.DeadLetterAtOnce),
		},
		{
			name: "judges by its default whatever Classify says", caughtBy: caughtBy(leaving), config: soon(),
			breaks: judges(func(subscription.Verdict) subscription.Verdict { return subscription.Default }),
		},
		{
			name: "tries again for ever after what is no verdict", caughtBy: caughtBy(leaving), config: soon(),
			breaks: judges(func(v subscription.Verdict) subscription.Verdict {
				if !v.Known() {
					return subscription.RetryForever
				}
				return v
			}),
		},
		{
			name: "takes a panic for the error in it", caughtBy: caughtBy(goroutines), config: soon(),
			breaks: handles(func(h handler) handler {
				return func(ctx context.Context, r eventstore.Record) (err error) {
					defer func() {
						if v := recover(); v != nil {
							err = fmt.Errorf("panicked: %v", v)
							if inside, ok := v.(error); ok {
								err = inside
							}
						}
					}()
					return h(ctx, r)
				}
			}),
		},
		{
			name: "tries again for ever what Classify does not judge", caughtBy: caughtBy(goroutines), config: soon(),
			breaks: configured(
				func(cfg *subscription.Config) {
					if classify := cfg.Classify; classify != nil {
						cfg.Classify = func(err error) (verdict subscription.Verdict) {
							defer func() {
								if recover() != nil {
									verdict = subscription.RetryForever
								}
							}()
							return classify(err)
						}
					}
				}),
		},
	}
}
