package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
)

// decisionsOnQueued lets writers decide on queued commits, if the store shows them, while others
// append at any version.
func decisionsOnQueued(t test, s *suite) {
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
			var last decision
			for i := range commitsPerWriter {
				d := decision{seen: last.seen, at: last.at, records: []eventstore.Record{s.record(at, ""), s.record(at, "")}[:1+i%2]}
				var err error
				if n == 0 {
					d.result, err = s.store.Append(ctx, eventstore.To(stream, eventstore.Any, d.records...))
				} else {
					err = d.make(ctx, s.store, stream, i%3 > 0)
					last = d
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
	slices.SortFunc(decided, func(a, b decision) int { return int(a.result.First() - b.result.First()) })
	for _, d := range decided {
		before := d.result.First() - 1
		if d.result.Last() > int64(len(final)) || d.seen != nil && !slices.Equal(d.seen, idsOf(final[:before])) {
			fatal(t, "a commit does not stand right behind what it was decided on", d.result, len(d.seen))
		}
		same(t, "a commit that was decided on what is queued", final[before:d.result.Last()],
			stored(stream, d.result, d.records))
	}
	s.tipsHold(ctx, t, stream, final)
}

// decision is a commit, and the ids of the events that it was decided on.
type decision struct {
	seen    []string
	at      eventstore.Expectation
	records []eventstore.Record
	result  eventstore.Result
}

// make decides and appends until there is no conflict. It may read on from what it has seen.
func (d *decision) make(ctx context.Context, store eventstore.Store, stream eventstore.Stream, on bool) error {
	for ; ; on = true {
		after, seen := stream.At(0), []string(nil)
		if on && d.at.Tip != nil {
			after, seen = d.at, d.seen
		}
		all, at := store.ReadQueued(ctx, after)
		more, err := collect(all)
		if errors.Is(err, eventstore.ErrConflict) && after.Tip != nil {
			d.at.Tip = nil // it has seen what was not stored in its place
			continue
		}
		if err != nil {
			return fmt.Errorf("read what is queued: %w", err)
		}
		for i, r := range more {
			if want := int64(len(seen) + i + 1); r.AggregateVersion != want {
				return fmt.Errorf("record %d of what is queued has version %d", want, r.AggregateVersion)
			}
		}
		d.seen, d.at = append(slices.Clone(seen), idsOf(more)...), at
		d.result, err = store.Append(ctx, at.Commit(d.records...))
		if !errors.Is(err, eventstore.ErrConflict) {
			return err
		}
		if _, err := store.Append(ctx, at.Commit()); err != nil && !errors.Is(err, eventstore.ErrConflict) {
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

// tipsHold looks at the expectations of a stream with nothing queued.
func (s *suite) tipsHold(ctx context.Context, t test, stream eventstore.Stream, history []eventstore.Record) {
	for _, from := range []int64{-1, 1, 2, int64(len(history)), int64(len(history)) + 1} {
		all, at := s.store.ReadQueued(ctx, stream.At(from-1))
		found, err := collect(all)
		must(t, "reading what is queued", err)
		same(t, "what is queued, from a version", found, history[max(from, 1)-1:])
		_, err = s.store.Append(ctx, at.Commit())
		must(t, "a check of what was read", err)
	}
	_, at := s.store.ReadQueued(ctx, stream.At(0))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err := s.store.Append(ended, at.Commit(s.records(1, "")...))
	s.refused(ctx, t, "an append with a tip and a context that has ended", err, context.Canceled, stream, history)
	_, more := s.append(ctx, t, stream, eventstore.Expected(len(history)), s.records(1, "")...)
	_, err = s.store.Append(ctx, at.Commit(s.records(1, "")...))
	s.refused(ctx, t, "an append with an expectation that has passed", err, eventstore.ErrConflict, stream,
		append(history, more...))

	bad := eventstore.Stream{Category: stream.Category}
	all, at := s.store.ReadQueued(ctx, bad.At(0))
	_, read := collect(all)
	_, appended := s.store.Append(ctx, at.Commit(s.records(1, "")...))
	_, checked := s.store.Append(ctx, at.Commit())
	for _, err := range []error{read, appended, checked} {
		if !errors.Is(err, eventstore.ErrInvalid) {
			fatal(t, "an expectation of an invalid stream does not fail with an *InvalidError", "found", err)
		}
	}
}
