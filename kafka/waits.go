package kafka

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/delivery"
)

// wholeMember stands for all partitions of a member.
const wholeMember = -1

// What a member does before it handles partitions, or one of them.
const (
	joining   = "the member joins its group"
	asking    = "the group's offset is asked for"
	gathering = "the dead letters are read"
)

// Wait is something that a subscription has been waiting for, longer than
// [SubscriptionConfig].LongWait; or a partition that has stopped.
type Wait struct {
	Partition int32 // −1: all of the member's

	// Key is the aggregate whose events wait; EventID, EventType and Offset are of its event that
	// is tried. Without a key the whole partition waits, and Offset is −1.
	Key       string
	EventID   string
	EventType string
	Offset    int64

	Since    time.Time
	Attempts int    // that have failed
	Err      error  // of the last attempt; nil if none has failed
	For      string // what is waited for, such as "a partition that another instance owns"

	// Stopped says that trying again cannot help: somebody must mend what Err says, and then start
	// the members again.
	Stopped bool
}

// Waits returns what the subscription has been waiting for, longer than
// [SubscriptionConfig].LongWait, and at once the partitions that have stopped; the longest wait
// first. It is also logged, and counted by [Subscription.Stats].
func (s *Subscription) Waits() []Wait {
	since := clock.Now().Add(-s.cfg.LongWait)
	all := s.stands.since(since)
	for n, r := range s.letters.running() {
		for _, w := range r.Waits(since) {
			all = append(all, waitOf(n, w))
		}
	}
	slices.SortStableFunc(all, func(a, b Wait) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Offset, b.Offset))
	})
	return all
}

func waitOf(n int32, w delivery.Wait) Wait {
	wait := Wait{
		Partition: n, Key: w.Record.AggregateID,
		EventID: w.Record.ID, EventType: w.Record.Type, Offset: w.Record.Position.Offset,
		Since: w.Since, Attempts: w.Attempts, Err: w.Err, For: w.Doing,
	}
	if wait.For == "" {
		wait.For = waitsFor(w.Err)
	}
	if wait.Key == "" {
		wait.Offset = -1
	}
	return wait
}

// tell logs long waits until ctx ends: each when it has become one, and then at intervals that
// double.
func (s *Subscription) tell(ctx context.Context) {
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
		oldest := make(map[about]Wait)
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
				s.store.cfg.Logger.Info("subscription waits no more",
					"group", s.cfg.Group, "topic", s.category.topic, "partition", a.partition)
			}
		}
	}
}

// longestSilence bounds the time between two lines about one long wait.
const longestSilence = 10 * time.Minute

func (s *Subscription) log(ctx context.Context, w Wait, waiting int) {
	level, message := slog.LevelWarn, "subscription waits"
	if w.Stopped {
		level, message = slog.LevelError, "subscription has stopped a partition"
	}
	attrs := []slog.Attr{
		slog.String("group", s.cfg.Group), slog.String("topic", s.category.topic), slog.Int("partition", int(w.Partition)),
		slog.String("for", w.For), slog.Time("since", w.Since),
	}
	if w.Key != "" {
		attrs = append(attrs, slog.String("key", w.Key), slog.String("event", w.EventID), slog.String("type", w.EventType),
			slog.Int64("offset", w.Offset), slog.Int("attempts", w.Attempts), slog.Int("waiting", waiting))
	}
	if w.Err != nil {
		attrs = append(attrs, slog.Any("error", w.Err))
	}
	s.store.cfg.Logger.LogAttrs(ctx, level, message, attrs...)
}

// stands are the partitions of a member that it does not handle at the moment, and why; under
// [wholeMember], why it handles none.
type stands struct {
	mu  sync.Mutex
	all map[int32]Wait
}

// begins notes what is done before the partition is handled.
func (s *stands) begins(n int32, doing string) { s.note(n, Wait{For: doing}) }

// fails notes an attempt to handle the partition that failed, and is made again.
func (s *stands) fails(n int32, err error) {
	why := reason(err)
	if why == "" {
		why = "what the error says"
	}
	s.note(n, Wait{For: why, Err: err})
}

// trouble notes what went wrong meanwhile, if the partition is not handled.
func (s *stands) trouble(n int32, err error) {
	s.mu.Lock()
	_, standing := s.all[n]
	s.mu.Unlock()
	if standing {
		s.fails(n, err)
	}
}

// end notes that nothing is waited for any more.
func (s *stands) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}

// stops notes that no other attempt can help.
func (s *stands) stops(n int32, err error) {
	s.note(n, Wait{For: "somebody who mends what the error says", Err: err, Stopped: true})
}

func (s *stands) note(n int32, now Wait) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[int32]Wait)
	}
	before, known := s.all[n]
	now.Partition, now.Offset, now.Since = n, -1, clock.Now()
	if known {
		now.Since, now.Attempts = before.Since, before.Attempts
	}
	if now.Err != nil {
		now.Attempts++
	} else if before.Err != nil { // another attempt begins: it is still waited for what the last one failed with
		now.For, now.Err, now.Stopped = before.For, before.Err, before.Stopped
	}
	s.all[n] = now
}

// goesOn notes that the partition is handled.
func (s *stands) goesOn(n int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, n)
}

// leaves notes that this member does not handle the partition any more. If that is because its
// session has ended it may get the partition again, and a partition that has stopped stays so.
func (s *stands) leaves(n int32, sessionEnded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !sessionEnded || !s.all[n].Stopped {
		delete(s.all, n)
	}
}

// gets notes that a session begins, with some partitions.
func (s *stands) gets(partitions []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range s.all {
		if !slices.Contains(partitions, n) {
			delete(s.all, n)
		}
	}
}

// since returns what stands still since a time or longer, and all that is stopped.
func (s *stands) since(at time.Time) []Wait {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Wait
	for _, w := range s.all {
		if w.Stopped || !w.Since.After(at) {
			found = append(found, w)
		}
	}
	return found
}

// stopped returns why partitions are stopped, in their order, and how many are.
func (s *stands) stopped() (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Wait
	for _, w := range s.all {
		if w.Stopped {
			found = append(found, w)
		}
	}
	slices.SortFunc(found, func(a, b Wait) int { return cmp.Compare(a.Partition, b.Partition) })
	var why []error
	for _, w := range found {
		why = append(why, w.Err)
	}
	return len(found), errors.Join(why...)
}
