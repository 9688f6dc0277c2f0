package delivery_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// pauses are those between two attempts.
func pauses() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"between short pauses":  func(ctx context.Context) error { return ctx.Err() },
		"during one long pause": untilItEnds,
	}
}

// A letter is discarded while it is handled again, and the handler's error is one that is tried
// again for ever. The handler is called with it no more, and what waits behind it goes on.
func TestALetterIsDiscardedWhileItIsHandledAgain(t *testing.T) {
	t.Parallel()
	for name, pause := range pauses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("p/1", "p/2", "a")
			w.by = subscription.ByPartitionKey
			setAside, paused := false, false
			w.pause = func(ctx context.Context) error {
				w.change(func() { paused = setAside })
				return pause(ctx)
			}
			w.fail = func(offset int64) error {
				switch {
				case offset != 0:
					return nil
				case setAside:
					return errAway
				}
				return errUndecodable
			}
			stop := w.start(t)
			w.until(t, "one is set aside, and one waits behind it", func() bool { return w.commit == 3 })
			w.change(func() { setAside = true })
			w.order(letters.Redrive, 0)
			w.until(t, "it is tried", func() bool { return paused })
			w.order(letters.Discarded, 0)
			w.until(t, "the key goes on", func() bool { return len(w.kinds()[letters.Handled]) == 1 })
			stop()
			require.Equal(t, map[letters.Kind][]int64{
				letters.Dead: {0}, letters.Waiting: {1}, letters.Redrive: {0},
				letters.Discarded: {0}, letters.Handled: {1},
			}, w.kinds())
			require.Empty(t, w.wrong)
		})
	}
}

// A process that lost the partition has set an event aside that is tried here for ever. Somebody
// gives it up.
func TestAnEventIsDiscardedWhileItIsTried(t *testing.T) {
	t.Parallel()
	for name, pause := range pauses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("p", "p")
			paused := false
			w.pause = func(ctx context.Context) error {
				w.change(func() { paused = true })
				return pause(ctx)
			}
			w.fail = func(offset int64) error {
				if offset == 0 {
					return errAway
				}
				return nil
			}
			stop := w.start(t)
			w.until(t, "it is tried", func() bool { return paused })
			w.order(letters.Dead, 0)
			w.order(letters.Discarded, 0)
			w.until(t, "the key goes on", func() bool { return w.commit == 2 })
			stop()
			require.Equal(t, []int64{1}, w.success)
			require.Zero(t, w.parked().Len())
		})
	}
}

func untilItEnds(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
