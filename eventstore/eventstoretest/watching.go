package eventstoretest

import (
	"context"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
)

const readsPerStream = 500

// watchStream reads a stream while others append to it. Records that were there must stay, and
// commits must never be seen in part.
func (s *suite) watchStream(ctx context.Context, stream eventstore.Stream) error {
	var before []eventstore.Record
	for range readsPerStream {
		now, err := collect(s.store.ReadStream(ctx, stream, 1))
		if err != nil {
			return fmt.Errorf("load amid appends: %w", err)
		}
		if err := grown(before, now); err != nil {
			return fmt.Errorf("a stream amid appends: %w", err)
		}
		if n := len(now); n > 0 && !endsCommit(now[n-1]) {
			return fmt.Errorf("a stream of %d records ends amid the commit %+v", n, now[n-1].Commit)
		}
		before = now
	}
	return nil
}

// watcher reads categories again and again while others append to them. The rules for a stream hold
// for each partition, too.
type watcher struct {
	store  eventstore.Store
	starts map[string]eventstore.Start              // by category
	before map[string]map[int32][]eventstore.Record // by category, the read before
}

// sees returns an error unless the category holds the commit, which was acknowledged, and what it
// held before.
func (w *watcher) sees(ctx context.Context, commit won) error {
	category := commit.stream.Category
	records, err := collect(w.store.ReadCategory(ctx, category, w.starts[category]))
	if err != nil {
		return fmt.Errorf("read a category amid appends: %w", err)
	}
	if err := disorder(records); err != nil {
		return fmt.Errorf("a category amid appends: %w", err)
	}
	now := make(map[int32][]eventstore.Record)
	last := make(map[string]eventstore.Record)
	for _, r := range records {
		now[r.Position.Partition] = append(now[r.Position.Partition], r)
		last[r.AggregateID] = r
	}
	for p, before := range w.before[category] {
		if err := grown(before, now[p]); err != nil {
			return fmt.Errorf("a partition amid appends: %w", err)
		}
	}
	for _, r := range last {
		if !endsCommit(r) {
			return fmt.Errorf("a category ends a stream at version %d, amid the commit %+v", r.AggregateVersion,
				r.Commit)
		}
	}
	if found := last[commit.stream.ID].AggregateVersion; found < commit.result.Last() {
		return fmt.Errorf(
			"a category holds a stream up to version %d, after an append was acknowledged up to version %d",
			found, commit.result.Last())
	}
	w.before[category] = now
	return nil
}

// grown returns nil if now begins with before.
func grown(before, now []eventstore.Record) error {
	if len(now) < len(before) {
		return fmt.Errorf("%d records have become %d", len(before), len(now))
	}
	for i := range before {
		if alike(&now[i], &before[i]) {
			continue
		}
		if d := diff(now[i], before[i]); d != "" {
			return fmt.Errorf("record %d has changed: %s", i+1, d)
		}
	}
	return nil
}

func endsCommit(r eventstore.Record) bool {
	return r.Commit.Index == r.Commit.Size
}
