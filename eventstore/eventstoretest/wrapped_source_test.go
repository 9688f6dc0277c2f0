package eventstoretest_test

import (
	"context"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// brokenSource is a good store whose subscriptions can be broken.
type brokenSource struct {
	*memory.Store

	subscribe func(context.Context, subscription.Config) (subscription.Subscription, error)
	letters   func(context.Context) (subscription.DeadLetters, error)
	close     func() error
}

func newBrokenSource(good *memory.Store) *brokenSource {
	return &brokenSource{Store: good, subscribe: good.Subscribe, letters: good.DeadLetters, close: good.Close}
}

func (s *brokenSource) Subscribe(ctx context.Context, cfg subscription.Config) (subscription.Subscription, error) {
	return s.subscribe(ctx, cfg)
}

func (s *brokenSource) DeadLetters(ctx context.Context) (subscription.DeadLetters, error) {
	return s.letters(ctx)
}

func (s *brokenSource) Close() error { return s.close() }

// configured changes the configuration of each subscription.
func configured(change func(*subscription.Config)) func(*brokenSource) {
	return func(s *brokenSource) {
		s.subscribe = func(ctx context.Context, cfg subscription.Config) (subscription.Subscription, error) {
			change(&cfg)
			return s.Store.Subscribe(ctx, cfg)
		}
	}
}

type handler = func(context.Context, eventstore.Record) error

// handles replaces each handler by what wrap makes of it.
func handles(wrap func(handler) handler) func(*brokenSource) {
	return configured(func(cfg *subscription.Config) {
		if cfg.Handler != nil {
			cfg.Handler = wrap(cfg.Handler)
		}
	})
}

// judges replaces what each Classify says.
func judges(change func(subscription.Verdict) subscription.Verdict) func(*brokenSource) {
	return configured(func(cfg *subscription.Config) {
		if classify := cfg.Classify; classify != nil {
			cfg.Classify = func(err error) subscription.Verdict { return change(classify(err)) }
		}
	})
}

// insteadOf judges one verdict as another one.
func insteadOf(verdict, told subscription.Verdict) func(*brokenSource) {
	return judges(func(v subscription.Verdict) subscription.Verdict {
		if v == verdict {
			return told
		}
		return v
	})
}

// brokenSubscription is a good one, each of whose methods can be replaced.
type brokenSubscription struct {
	subscription.Subscription

	close func() error
	done  func() <-chan struct{}
	err   func() error
	stats func() subscription.Stats
	waits func() []subscription.Wait
}

func (s *brokenSubscription) Close() error               { return s.close() }
func (s *brokenSubscription) Done() <-chan struct{}      { return s.done() }
func (s *brokenSubscription) Err() error                 { return s.err() }
func (s *brokenSubscription) Stats() subscription.Stats  { return s.stats() }
func (s *brokenSubscription) Waits() []subscription.Wait { return s.waits() }

// subscribed breaks each subscription.
func subscribed(breaks func(context.Context, *brokenSubscription)) func(*brokenSource) {
	return func(s *brokenSource) {
		s.subscribe = func(ctx context.Context, cfg subscription.Config) (subscription.Subscription, error) {
			good, err := s.Store.Subscribe(ctx, cfg)
			if err != nil {
				return nil, err
			}
			sub := &brokenSubscription{
				Subscription: good, close: good.Close, done: good.Done, err: good.Err, stats: good.Stats,
				waits: good.Waits,
			}
			breaks(ctx, sub)
			return sub, nil
		}
	}
}

// brokenLetters are good ones, each of whose methods can be replaced.
type brokenLetters struct {
	subscription.DeadLetters

	list    func(context.Context, string) ([]subscription.Letter, error)
	show    func(context.Context, subscription.LetterID) (subscription.Event, []subscription.Trace, error)
	redrive func(context.Context, subscription.LetterID, string) error
	discard func(context.Context, subscription.LetterID, string) error
}

func (d *brokenLetters) List(ctx context.Context, handler string) ([]subscription.Letter, error) {
	return d.list(ctx, handler)
}

func (d *brokenLetters) Show(
	ctx context.Context, id subscription.LetterID,
) (subscription.Event, []subscription.Trace, error) {
	return d.show(ctx, id)
}

func (d *brokenLetters) Redrive(ctx context.Context, id subscription.LetterID, reason string) error {
	return d.redrive(ctx, id, reason)
}

func (d *brokenLetters) Discard(ctx context.Context, id subscription.LetterID, reason string) error {
	return d.discard(ctx, id, reason)
}

// lettersOf breaks the dead letters.
func lettersOf(breaks func(*brokenLetters)) func(*brokenSource) {
	return func(s *brokenSource) {
		s.letters = func(ctx context.Context) (subscription.DeadLetters, error) {
			good, err := s.Store.DeadLetters(ctx)
			if err != nil {
				return nil, err
			}
			d := &brokenLetters{
				DeadLetters: good, list: good.List, show: good.Show, redrive: good.Redrive, discard: good.Discard,
			}
			breaks(d)
			return d, nil
		}
	}
}

// relisting changes each letter that is listed.
func relisting(change func(*subscription.Letter)) func(*brokenSource) {
	return lettersOf(func(d *brokenLetters) {
		d.list = func(ctx context.Context, handler string) ([]subscription.Letter, error) {
			all, err := d.DeadLetters.List(ctx, handler)
			for i := range all {
				change(&all[i])
			}
			return all, err
		}
	})
}

// showing changes each letter that is shown.
func showing(change func(*subscription.Event, *[]subscription.Trace)) func(*brokenSource) {
	return lettersOf(func(d *brokenLetters) {
		d.show = func(ctx context.Context, id subscription.LetterID) (subscription.Event, []subscription.Trace, error) {
			e, traces, err := d.DeadLetters.Show(ctx, id)
			if err == nil {
				change(&e, &traces)
			}
			return e, traces, err
		}
	})
}
