package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
)

// decisionsOnQueued lets writers decide on what is queued, if the store shows that, while others append whatever the version is.
func decisionsOnQueued(t test, s *suite) {
	store, ok := s.store.(eventstore.Pipelined)
	if !ok {
		t.Log("the store is no eventstore.Pipelined")
		return
	}
	ctx, stream := s.context(t), s.stream(0)
	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		decided  []decision
		failures []error
	)
	at := s.tick(1)
	for n := range writers {
		group.Go(func() {
			for i := range commitsPerWriter {
				d := decision{records: []eventstore.Record{s.record(at, ""), s.record(at, "")}[:1+i%2]}
				var err error
				if n == 0 {
					d.result, err = s.store.Append(ctx, stream, eventstore.Any, d.records...)
				} else {
					err = d.make(ctx, store, stream)
				}
				mu.Lock()
				decided, failures = append(decided, d), append(failures, err)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	must(t, "a decision on what is queued", errors.Join(failures...))
	final := s.load(ctx, t, stream)
	slices.SortFunc(decided, func(a, b decision) int { return int(a.result.First - b.result.First) })
	for _, d := range decided {
		before := d.result.First - 1
		if d.result.Last > int64(len(final)) || d.seen != nil && !slices.Equal(d.seen, idsOf(final[:before])) {
			fatal(t, "a commit does not stand right behind what it was decided on", d.result, len(d.seen))
		}
		same(t, "a commit that was decided on what is queued", final[before:d.result.Last], stored(stream, d.result, d.records))
	}
	s.tipsHold(ctx, t, store, stream, final)
}

// decision is a commit, and the ids of the events that it was decided on.
type decision struct {
	seen    []string
	records []eventstore.Record
	result  eventstore.Result
}

// make decides and appends until there is no conflict.
func (d *decision) make(ctx context.Context, store eventstore.Pipelined, stream eventstore.Stream) error {
	for {
		all, tip := store.ReadQueued(ctx, stream, 1)
		seen, err := collect(all)
		if err != nil {
			return fmt.Errorf("read what is queued: %w", err)
		}
		for i, r := range seen {
			if r.AggregateVersion != int64(i+1) {
				return fmt.Errorf("record %d of what is queued has version %d", i+1, r.AggregateVersion)
			}
		}
		d.seen = idsOf(seen)
		d.result, err = tip.Append(ctx, d.records...)
		if !errors.Is(err, eventstore.ErrConflict) {
			return err
		}
		if err := tip.Await(ctx); err != nil && !errors.Is(err, eventstore.ErrConflict) {
			return fmt.Errorf("wait for what is queued: %w", err)
		}
	}
}

func idsOf(records []eventstore.Record) []string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return ids
}

// tipsHold looks at tips of a stream with nothing queued.
func (s *suite) tipsHold(ctx context.Context, t test, store eventstore.Pipelined, stream eventstore.Stream, history []eventstore.Record) {
	for _, from := range []int64{-1, 1, 2, int64(len(history)), int64(len(history)) + 1} {
		all, tip := store.ReadQueued(ctx, stream, from)
		found, err := collect(all)
		must(t, "reading what is queued", err)
		same(t, "what is queued, from a version", found, history[max(from, 1)-1:])
		must(t, "waiting for what is stored", tip.Await(ctx))
	}
	_, tip := store.ReadQueued(ctx, stream, 1)
	_, err := tip.Append(ctx)
	if !errors.Is(err, eventstore.ErrInvalid) {
		fatal(t, "an append of nothing behind a tip does not fail with an *InvalidError", "found", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = tip.Append(ended, s.records(1, "")...)
	s.refused(ctx, t, "an append behind a tip with a context that has ended", err, context.Canceled, stream, history)
	_, more := s.append(ctx, t, stream, eventstore.Expected(len(history)), s.records(1, "")...)
	_, err = tip.Append(ctx, s.records(1, "")...)
	s.refused(ctx, t, "an append behind a tip that is none any more", err, eventstore.ErrConflict, stream, append(history, more...))
	must(t, "waiting for what has been stored long since", tip.Await(ctx))

	bad := eventstore.Stream{Category: stream.Category}
	all, tip := store.ReadQueued(ctx, bad, 1)
	_, read := collect(all)
	_, appended := tip.Append(ctx, s.records(1, "")...)
	for _, err := range []error{read, appended, tip.Await(ctx)} {
		if !errors.Is(err, eventstore.ErrInvalid) {
			fatal(t, "a tip of a stream whose name is invalid does not fail with an *InvalidError", "found", err)
		}
	}
}
