package eventstoretest

import (
	"context"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

const quickWait = 50 * time.Millisecond

// waitsTold makes an event wait for a while.
func waitsTold(t test, s *delivery) {
	ctx, w, away := s.context(t), newWitness(), newSwitch()
	id := w.stream("a")
	want := s.append(ctx, t, id, 1)
	w.fail = func(context.Context, eventstore.Record) error {
		if away.on() {
			return fmt.Errorf("append: %w", eventstore.ErrConflict)
		}
		return nil
	}
	cfg := s.config(w)
	cfg.LongWait = quickWait
	sub := s.subscribe(ctx, t, cfg)
	var told subscription.Wait
	until(ctx, t, "an event that is tried again and again is told", func() bool {
		for _, told = range sub.Waits() {
			if told.Key == id && told.Attempts > 3 {
				return true
			}
		}
		return false
	}, func() any { return fmt.Sprintf("%+v", sub.Waits()) })
	if told.EventID != want[0] || told.EventType != "Happened" || told.Err == nil || told.For == "" || told.Stopped ||
		told.Since.IsZero() || told.Offset < 0 {
		fatal(t, "a wait is not as it must be", fmt.Sprintf("%+v", told))
	}
	if st := sub.Stats(); st.Waiting < 1 || st.LongestWait < quickWait || st.Stopped > 0 {
		fatal(t, "the numbers of a subscription that waits are wrong", fmt.Sprintf("%+v", st))
	}
	must(t, "a subscription that waits", sub.Err())
	away.off()
	w.once(ctx, t, id, want)
	until(ctx, t, "a wait that is over is told no more", func() bool {
		return len(sub.Waits()) == 0 &&
			sub.Stats().Waiting == 0
	},
		func() any { return fmt.Sprintf("%+v", sub.Waits()) })
}

// hangingTold has a handler that does not come back for a while.
func hangingTold(t test, s *delivery) {
	ctx, w := s.context(t), newWitness()
	id := w.stream("a")
	want := s.append(ctx, t, id, 1)
	hangs := make(chan struct{})
	w.fail = func(context.Context, eventstore.Record) error { <-hangs; return nil }
	cfg := s.config(w)
	cfg.LongWait = quickWait
	sub := s.subscribe(ctx, t, cfg)
	defer func() {
		select {
		case <-hangs:
		default:
			close(hangs) // the check has failed, and the handler returns all the same
		}
	}()
	until(ctx, t, "a handler that does not come back is told", func() bool {
		for _, told := range sub.Waits() {
			if told.Key == id && told.For == "the handler runs" {
				return true
			}
		}
		return false
	}, func() any { return fmt.Sprintf("%+v", sub.Waits()) })
	close(hangs)
	w.once(ctx, t, id, want)
}

// fullTold makes a subscription read no further.
func fullTold(t test, s *delivery) {
	ctx, w, away := s.context(t), newWitness(), newSwitch()
	id := w.stream("a")
	want := s.append(ctx, t, id, 2)
	w.fail = func(context.Context, eventstore.Record) error {
		if away.on() {
			return errPeer
		}
		return nil
	}
	cfg := s.config(w)
	cfg.LongWait, cfg.Concurrency, cfg.MaxInFlight = quickWait, 1, 1
	cfg.Classify = func(error) subscription.Verdict { return subscription.RetryForever }
	sub := s.subscribe(ctx, t, cfg)
	until(ctx, t, "a partition that is read no further is told", func() bool {
		for _, told := range sub.Waits() {
			if told.Key == "" && told.Offset == -1 && told.For != "" && told.Partition >= 0 {
				return true
			}
		}
		return false
	}, func() any { return fmt.Sprintf("%+v", sub.Waits()) })
	away.off()
	w.once(ctx, t, id, want)
}
