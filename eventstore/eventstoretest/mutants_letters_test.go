package eventstoretest_test

import (
	"context"
	"errors"
	"slices"

	"github.com/fencelog/fencelog/eventstore/subscription"
)

func letterMutants() []sourceMutant {
	list := func(name string, change func(*subscription.Letter)) sourceMutant {
		return sourceMutant{name: name, caughtBy: caughtBy(aside), breaks: relisting(change)}
	}
	show := func(name string, change func(*subscription.Event, *[]subscription.Trace)) sourceMutant {
		return sourceMutant{name: name, caughtBy: caughtBy(shown), breaks: showing(change)}
	}
	return []sourceMutant{
		list("does not say what a letter waits behind", func(l *subscription.Letter) { l.Waiting = false }),
		list("loses the error of a letter", func(l *subscription.Letter) { l.Error = "" }),
		list("loses the attempts of a letter", func(l *subscription.Letter) { l.Attempts = 0 }),
		list("loses the time of a letter", func(l *subscription.Letter) { l.First = l.At.Add(1); l.Last = l.At }),
		list("loses the key of a letter", func(l *subscription.Letter) { l.Key = "" }),
		list("loses the aggregate of a letter", func(l *subscription.Letter) { l.AggregateID = "" }),
		list("says that a letter is handled again", func(l *subscription.Letter) { l.Redrive = true }),
		{name: "lists letters backwards", caughtBy: caughtBy(aside), breaks: lettersOf(func(d *brokenLetters) {
			d.list = func(ctx context.Context, handler string) ([]subscription.Letter, error) {
				all, err := d.DeadLetters.List(ctx, handler)
				slices.Reverse(all)
				return all, err
			}
		})},
		{
			name: "lists letters of one handler only", caughtBy: caughtBy(aside),
			breaks: lettersOf(func(d *brokenLetters) {
				d.list = func(ctx context.Context, handler string) ([]subscription.Letter, error) {
					if handler == "" {
						return nil, nil
					}
					return d.DeadLetters.List(ctx, handler)
				}
			}),
		},
		{
			name: "tries letters again with each member", caughtBy: caughtBy(aside), config: soon(),
			breaks: func(s *brokenSource) {
				s.subscribe = func(ctx context.Context, cfg subscription.Config) (subscription.Subscription, error) {
					sub, err := s.Store.Subscribe(ctx, cfg)
					letters, _ := s.Store.DeadLetters(ctx)
					all, _ := letters.List(ctx, cfg.Group)
					for _, l := range all {
						err = errors.Join(err, letters.Redrive(ctx, l.ID, ""))
					}
					return sub, err
				}
			},
		},
		{
			name: "counts no letters", caughtBy: caughtBy(aside),
			breaks: subscribed(func(_ context.Context, s *brokenSubscription) {
				s.stats = func() subscription.Stats {
					st := s.Subscription.Stats()
					st.DeadLettered = 0
					return st
				}
			}),
		},
		show("loses the others of a commit", func(e *subscription.Event, _ *[]subscription.Trace) { e.Others = nil }),
		show("shows another value", func(e *subscription.Event,
			_ *[]subscription.Trace,
		) {
			e.Value = []byte("another")
		}),
		show("shows another event", func(e *subscription.Event, _ *[]subscription.Trace) { e.ID = "another" }),
		show("shows another place", func(e *subscription.Event, _ *[]subscription.Trace) { e.Position.Offset++ }),
		show("loses what happened", func(_ *subscription.Event,
			traces *[]subscription.Trace,
		) {
			(*traces)[0].Note = ""
		}),
		show("tells what did not happen", func(_ *subscription.Event, traces *[]subscription.Trace) {
			*traces = append(*traces, (*traces)[0])
		}),
	}
}

// requestMutants answer requests about letters in another way.
func requestMutants() []sourceMutant {
	none := func(name string, breaks func(*brokenLetters)) sourceMutant {
		return sourceMutant{name: name, caughtBy: caughtBy(shown), breaks: lettersOf(breaks)}
	}
	known := func(err error) error {
		if errors.Is(err, subscription.ErrNoLetter) {
			return nil
		}
		return err
	}
	return []sourceMutant{
		none("shows nothing of a letter that never was", func(d *brokenLetters) {
			d.show = func(ctx context.Context, id subscription.LetterID) (subscription.Event, []subscription.Trace,
				error,
			) {
				e, traces, err := d.DeadLetters.Show(ctx, id)
				return e, traces, known(err)
			}
		}),
		none("redrives a letter that never was", func(d *brokenLetters) {
			d.redrive = func(ctx context.Context, id subscription.LetterID, reason string) error {
				return known(d.DeadLetters.Redrive(ctx, id, reason))
			}
		}),
		none("says without facts that a letter never was", func(d *brokenLetters) {
			d.discard = func(ctx context.Context, id subscription.LetterID, reason string) error {
				if err := d.DeadLetters.Discard(ctx, id, reason); err != nil {
					return subscription.ErrNoLetter
				}
				return nil
			}
		}),
		{
			name: "redrives nothing", caughtBy: caughtBy(redrives), config: soon(),
			breaks: lettersOf(func(d *brokenLetters) {
				d.redrive = func(context.Context, subscription.LetterID, string) error { return nil }
			}),
		},
		{
			name: "discards what is to be redriven", caughtBy: caughtBy(redrives), config: soon(),
			breaks: lettersOf(func(d *brokenLetters) {
				d.redrive = d.DeadLetters.Discard
			}),
		},
		{
			name: "forgets why a redrive was asked for", caughtBy: caughtBy(redrives),
			breaks: lettersOf(func(d *brokenLetters) {
				d.redrive = func(ctx context.Context, id subscription.LetterID, _ string) error {
					return d.DeadLetters.Redrive(ctx, id, "")
				}
			}),
		},
		{name: "redrives what was handled", caughtBy: caughtBy(redrives), breaks: lettersOf(func(d *brokenLetters) {
			d.redrive = func(ctx context.Context, id subscription.LetterID, reason string) error {
				return known(d.DeadLetters.Redrive(ctx, id, reason))
			}
		})},
		{
			name: "discards nothing", caughtBy: caughtBy(discards), config: soon(),
			breaks: lettersOf(func(d *brokenLetters) {
				d.discard = func(context.Context, subscription.LetterID, string) error { return nil }
			}),
		},
		{
			name: "redrives what is to be discarded", caughtBy: caughtBy(discards), config: soon(),
			breaks: lettersOf(func(d *brokenLetters) {
				d.discard = d.DeadLetters.Redrive
			}),
		},
	}
}
