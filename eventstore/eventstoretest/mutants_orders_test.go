package eventstoretest_test

import (
	"context"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// orderMutants hand events out in another order than the one that was asked for.
func orderMutants() []sourceMutant {
	ordered := func(order subscription.Order) func(*brokenSource) {
		return configured(func(cfg *subscription.Config) { cfg.Order = order })
	}
	return []sourceMutant{
		{
			name: "hands out by stream whatever the order", config: soon(), breaks: ordered(subscription.ByStream),
			caughtBy: caughtBy(inOrderByKey, goOnByKey, asideByKey, toKey, toStream),
		},
		{
			name: "hands out by partition key whatever the order", config: soon(),
			caughtBy: caughtBy(asideByStream, toKey, toStream), breaks: ordered(subscription.ByPartitionKey),
		},
		{
			name: "makes only the stream of a letter wait", caughtBy: caughtBy(asideByKey), config: soon(),
			breaks: configured(func(cfg *subscription.Config) {
				if cfg.Order == subscription.ByPartitionKey { // one event of all keys at a time
					cfg.Order, cfg.Concurrency = subscription.ByStream, 1
				}
			}),
		},
		{
			name: "hands out two events of a partition key at once", caughtBy: caughtBy(inOrderByKey), config: soon(),
			breaks: handles(func(h handler) handler {
				return func(ctx context.Context, r eventstore.Record) error {
					if r.Commit.Several && r.Commit.Index == 1 {
						go func() {
							for ctx.Err() == nil && h(context.WithoutCancel(ctx), r) != nil {
								continue
							}
						}()
						return nil
					}
					return h(ctx, r)
				}
			}),
		},
		{
			name: "keeps the first order of a group", caughtBy: caughtBy(toKey, toStream), config: soon(),
			breaks: func(s *brokenSource) {
				var orders sync.Map
				s.subscribe = func(ctx context.Context, cfg subscription.Config) (subscription.Subscription, error) {
					first, _ := orders.LoadOrStore(cfg.Group, cfg.Order)
					cfg.Order = first.(subscription.Order)
					return s.Store.Subscribe(ctx, cfg)
				}
			},
		},
	}
}

// partMutants show something else of a letter's commit.
func partMutants() []sourceMutant {
	show := func(name string, change func(*subscription.Event)) sourceMutant {
		return sourceMutant{
			name: name, caughtBy: caughtBy(commitOf), config: soon(),
			breaks: showing(func(e *subscription.Event, _ *[]subscription.Trace) { change(e) }),
		}
	}
	shown := func(name string, change func(*subscription.Part)) sourceMutant {
		return show(name, func(e *subscription.Event) {
			for i := range e.Others {
				change(&e.Others[i])
			}
		})
	}
	takes := func(name string, state, told subscription.State) sourceMutant {
		return shown(name, func(p *subscription.Part) {
			if p.State == state {
				p.State = told
			}
		})
	}
	return []sourceMutant{
		takes("takes what is dead for handled", subscription.StateDead, subscription.StateHandled),
		takes("takes what waits for handled", subscription.StateWaiting, subscription.StateHandled),
		takes("takes what waits for dead", subscription.StateWaiting, subscription.StateDead),
		takes("takes what was given up for handled", subscription.StateDiscarded, subscription.StateHandled),
		takes("takes what is not handled for handled", subscription.StateUnhandled, subscription.StateHandled),
		takes("takes what is handled for not handled", subscription.StateHandled, subscription.StateUnhandled),
		shown("shows another version", func(p *subscription.Part) { p.Version++ }),
		shown("shows another offset", func(p *subscription.Part) { p.Offset++ }),
		shown("shows the stream of the letter", func(p *subscription.Part) { p.Stream.ID = "another" }),
		show("loses an other of the commit", func(e *subscription.Event) { e.Others = e.Others[1:] }),
		show("shows the letter among the others", func(e *subscription.Event) {
			e.Others = append(e.Others, subscription.Part{
				Stream: e.Stream(), Version: e.AggregateVersion, Offset: e.Position.Offset,
				State: subscription.StateDead,
			})
		}),
		show("shows another part of the commit", func(e *subscription.Event) { e.Commit.Index++ }),
	}
}
