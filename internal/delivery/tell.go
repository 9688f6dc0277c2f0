package delivery

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/blame"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/letters"
)

// Waits implements [subscription.Subscription].
func (s *Subscriber) Waits() []subscription.Wait {
	since := clock.Now().Add(-s.cfg.LongWait)
	all := s.Stands.since(since)
	for n, r := range s.running() {
		for _, w := range r.Waits(since) {
			all = append(all, s.waitOf(n, w))
		}
	}
	slices.SortStableFunc(all, func(a, b subscription.Wait) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Offset, b.Offset))
	})
	return all
}

func (s *Subscriber) waitOf(n int32, w Wait) subscription.Wait {
	keys := letters.Key{Stream: w.Record.AggregateID, Partition: s.store.PartitionKey.Of(w.Record.AggregateID)}
	wait := subscription.Wait{
		Partition: n, Key: keys.In(s.cfg.Order), AggregateID: keys.Stream,
		EventID: w.Record.ID, EventType: w.Record.Type, Offset: w.Record.Position.Offset,
		Since: w.Since, Attempts: w.Attempts, Err: w.Err, For: w.Doing,
	}
	if wait.For == "" {
		wait.For = blame.WaitsFor(s.store.Reason(w.Err), w.Err)
	}
	if wait.Key == "" {
		wait.Offset = -1
	}
	return wait
}

// tell logs long waits until ctx ends: each when it has become one, and then at intervals that
// double.
func (s *Subscriber) tell(ctx context.Context) {
	type about struct {
		partition int32
		what      string // empty if the whole partition waits, for one thing after the other
	}
	type told struct{ since, at time.Time }
	known := make(map[about]told)
	due, end := clock.Every(min(s.cfg.LongWait, time.Second))
	defer end()
	for {
		select {
		case <-due:
		case <-ctx.Done():
			return
		}
		now := clock.Now()
		count := make(map[about]int)
		oldest := make(map[about]subscription.Wait)
		for _, w := range s.Waits() {
			a := about{partition: w.Partition}
			if w.Key != "" {
				a.what = w.For
			}
			if count[a]++; count[a] == 1 {
				oldest[a] = w
			}
		}
		for a, w := range oldest {
			t, before := known[a]
			if before && now.Sub(t.at) < min(t.at.Sub(t.since), longestSilence) {
				continue
			}
			since := w.Since
			if before {
				since = t.since
			}
			known[a] = told{since: since, at: now}
			s.log(ctx, w, count[a])
		}
		for a := range known {
			if count[a] == 0 {
				delete(known, a)
				s.store.Logger.Info("subscription waits no more",
					"group", s.cfg.Group, "topic", s.store.Topic, "partition", a.partition)
			}
		}
	}
}

// longestSilence bounds the time between two lines about one long wait.
const longestSilence = 10 * time.Minute

func (s *Subscriber) log(ctx context.Context, w subscription.Wait, waiting int) {
	level, message := slog.LevelWarn, "subscription waits"
	if w.Stopped {
		level, message = slog.LevelError, "subscription has stopped a partition"
	}
	attrs := []slog.Attr{
		slog.String("group", s.cfg.Group), slog.String("topic", s.store.Topic), slog.Int("partition", int(w.Partition)),
		slog.String("for", w.For), slog.Time("since", w.Since),
	}
	if w.Key != "" {
		attrs = append(attrs, slog.String("key", w.Key), slog.String("event", w.EventID),
			slog.String("type", w.EventType), slog.Int64("offset", w.Offset),
			slog.Int("attempts", w.Attempts), slog.Int("waiting", waiting))
	}
	if w.Err != nil {
		attrs = append(attrs, slog.Any("error", w.Err))
	}
	s.store.Logger.LogAttrs(ctx, level, message, attrs...)
}
