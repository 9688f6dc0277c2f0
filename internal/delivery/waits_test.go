package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/internal/letters"
)

// An event that is not to blame is tried for as long as it takes, and these attempts leave it all
// that are its own.
func TestAttemptsThatAreNotTheEventsDoNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	tries := 0
	w.fail = func(int64) error {
		switch tries++; {
		case tries <= 20:
			return errAway
		case tries <= 22:
			return errors.New("its own")
		}
		return nil
	}
	stop := w.start(t)
	w.until(t, "it is handled", func() bool { return w.commit == 1 })
	stop()
	require.Equal(t, []int64{0}, w.success)
	require.Empty(t, w.letters)
}

// An event that this build does not know waits for another build that does, for as long as it has
// patience.
func TestWhatIsUnknownWaitsAndThenIsALetter(t *testing.T) {
	t.Parallel()
	w := newWorld("new", "a", "new")
	w.fail = func(offset int64) error {
		if offset == 0 {
			return errUnknown
		}
		return nil
	}
	stop := w.start(t)
	w.until(t, "others go on", func() bool { return len(w.success) == 1 && len(w.calls) > 10 })
	require.Empty(t, w.letters)
	require.Zero(t, w.commit, "nothing passes the event")
	w.change(func() { w.now = w.now.Add(time.Hour) })
	w.until(t, "it is set aside", func() bool { return w.commit == 3 })
	stop()
	require.Equal(t, map[letters.Kind][]int64{letters.Dead: {0}, letters.Waiting: {2}}, w.kinds())
	require.Greater(t, w.letters[0].Attempts, 9)
}

// A runner tells what takes long: an event that fails again and again, and a handler that does not
// come back. It tells, too, that it reads no more.
func TestWaits(t *testing.T) {
	t.Parallel()
	w := newWorld("failing", "hanging", "a", "b", "c", "d", "e")
	hangs := make(chan struct{})
	cfg := w.config()
	cfg.MaxInFlight = 2
	handle := cfg.Handle
	cfg.Handle = func(ctx context.Context, r eventstore.Record) (subscription.Verdict, error) {
		switch r.AggregateID {
		case "failing":
			return subscription.RetryForever, errAway
		case "hanging":
			<-hangs
		}
		return handle(ctx, r)
	}
	cfg.Sleep = func(ctx context.Context, _ time.Duration) error { // a long pause
		<-ctx.Done()
		return ctx.Err()
	}
	r := delivery.New(cfg, 0, letters.NewParked(subscription.ByStream))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	found := make(map[string]delivery.Wait)
	require.Eventually(t, func() bool {
		require.Empty(t, r.Waits(w.now.Add(-time.Second)), "nothing has waited for so long")
		for _, wait := range r.Waits(w.now) {
			found[wait.Record.AggregateID] = wait
		}
		_, hanging := found["hanging"]
		return len(found) == 3 && hanging && found["failing"].Err != nil
	}, time.Minute, time.Millisecond)
	require.ErrorIs(t, found["failing"].Err, errAway)
	require.Equal(t, 1, found["failing"].Attempts)
	require.Equal(t, "the handler runs", found["hanging"].Doing)
	require.Equal(t, int64(1), found["hanging"].Record.Position.Offset)
	require.Contains(t, found[""].Doing, "MaxInFlight")
	close(hangs)
	require.Eventually(t, func() bool {
		for _, wait := range r.Waits(w.now) {
			if wait.Record.AggregateID == "hanging" {
				return false
			}
		}
		return true
	}, time.Minute, time.Millisecond, "what is done waits no more")
	cancel()
	require.NoError(t, <-ended)
}

// Somebody sets the group's offset back after a letter was handled. The key's events are handled
// again, in order. Events that are set aside or given up stay so.
func TestEventsAreHandledAgainFromAnOffsetOn(t *testing.T) {
	t.Parallel()
	w := newWorld("p", "p", "q", "q", "r", "r")
	poisoned := true
	w.fail = func(offset int64) error {
		if poisoned && offset%2 == 0 || offset == 4 {
			return errUndecodable
		}
		return nil
	}
	stop := w.start(t)
	w.until(t, "all are set aside", func() bool { return w.commit == 6 })
	w.change(func() { poisoned = false })
	w.order(letters.Redrive, 0)
	w.order(letters.Discarded, 2)
	w.until(t, "letters are handled", func() bool { return len(w.success) == 3 })
	stop()
	require.ElementsMatch(t, []int64{0, 1, 3}, w.success)

	w.commit, w.success = 0, nil
	stop = w.start(t)
	w.until(t, "it passes over all", func() bool { return w.commit == 6 })
	stop()
	require.Empty(t, w.success, "as after a crash")

	w.commit = 0
	w.letters = append(w.letters, letters.Entry{
		LetterID: subscription.LetterID{Handler: "h", Topic: "t"}, Kind: letters.Rewound,
		Position: int64(len(w.letters)),
	})
	stop = w.start(t)
	w.until(t, "all are done", func() bool { return w.commit == 6 && len(w.success) == 3 })
	stop()
	require.ElementsMatch(t, []int64{0, 1, 3}, w.success, "what was given up stays so, and what is set aside too")
	w.ordered(t, w.success)
}

// ordered fails if offsets of one key are not in order.
func (w *world) ordered(t require.TestingT, offsets []int64) {
	last := make(map[string]int64)
	for _, offset := range offsets {
		key := w.records[offset].AggregateID
		require.GreaterOrEqual(t, offset, last[key])
		last[key] = offset
	}
}

// A runner says why it reads no more.
func TestWhyNoMoreIsRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys  int
		set   func(*delivery.Config)
		wants string
	}{
		"events": {10, func(cfg *delivery.Config) { cfg.MaxInFlight = 2 }, "as many events as MaxInFlight allows"},
		"bytes":  {10, func(cfg *delivery.Config) { cfg.MaxBytes = 2 }, "have 2 bytes or more"},
		"offsets": {
			100_100, func(cfg *delivery.Config) { cfg.MaxInFlight = 200_000 },
			"100000 events are read from one that is not done",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := make([]string, c.keys)
			for i := range keys {
				keys[i] = fmt.Sprint(i)
			}
			w := newWorld(keys...)
			cfg := w.config()
			c.set(&cfg)
			cfg.Handle = func(_ context.Context, r eventstore.Record) (subscription.Verdict, error) {
				if r.Position.Offset < 2 {
					return subscription.RetryForever, errAway
				}
				return subscription.Handled, nil
			}
			cfg.Sleep = func(ctx context.Context, _ time.Duration) error {
				<-ctx.Done()
				return ctx.Err()
			}
			r := delivery.New(cfg, 0, letters.NewParked(subscription.ByStream))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- r.Run(ctx) }()
			require.Eventually(t, func() bool {
				for _, wait := range r.Waits(w.now) {
					if wait.Record.AggregateID == "" && strings.Contains(wait.Doing, c.wants) {
						return true
					}
				}
				return false
			}, time.Minute, time.Millisecond)
			cancel()
			require.NoError(t, <-ended)
		})
	}
}

// An event whose letter cannot be written is one wait, for the letter.
func TestALetterThatIsWrittenIsOneWait(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	cfg := w.config()
	cfg.Attempts = 2
	cfg.Handle = func(context.Context, eventstore.Record) (subscription.Verdict, error) {
		return subscription.RetryThenDeadLetter, errAway
	}
	cfg.Write = func(ctx context.Context, _ *letters.Entry) error {
		<-ctx.Done()
		return ctx.Err()
	}
	r := delivery.New(cfg, 0, letters.NewParked(subscription.ByStream))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	require.Eventually(t, func() bool {
		all := r.Waits(w.now)
		return len(all) == 1 && all[0].Doing == "a dead letter is written" && all[0].Err != nil
	}, time.Minute, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
}

// A partition whose records cannot be read any more ends, and takes orders until its handlers have
// returned. The same goroutine gives orders to other partitions, too.
func TestOrdersDoNotWaitForARunnerThatEnds(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	cfg := w.config()
	entered, returns := make(chan struct{}), make(chan struct{})
	cfg.Handle = func(context.Context, eventstore.Record) (subscription.Verdict, error) {
		close(entered)
		<-returns
		return subscription.Handled, nil
	}
	errDamaged := errors.New("damaged")
	source := cfg.Source
	read := false
	cfg.Source = func(ctx context.Context, yield func(eventstore.Record, delivery.Raw) bool) (int64, error) {
		if read {
			<-entered
			return 1, errDamaged
		}
		read = true
		return source(ctx, yield)
	}
	w.commit = 0
	r := delivery.New(cfg, 0, letters.NewParked(subscription.ByStream))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(t.Context()) }()
	<-entered
	for range 3 {
		r.Order(t.Context(), letters.Entry{Kind: letters.Redrive, Key: []byte("a")})
	}
	close(returns)
	require.ErrorIs(t, <-ended, errDamaged)
}
