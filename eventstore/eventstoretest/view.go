package eventstoretest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// view is all that the suite has seen of a category, whichever program appended it. It grows by
// reading only what is new. So a look at a category again and again does not cost its whole length.
type view struct {
	category   string
	cursor     eventstore.Cursor
	partitions map[int32][]eventstore.Record
	streams    map[string][]eventstore.Record // by aggregate id, in the order in which they were yielded
	ledgers    map[string][]eventstore.Record // by the id before its slash, in that order
}

func newView(category string) *view {
	return &view{
		category:   category,
		cursor:     make(eventstore.Cursor),
		partitions: make(map[int32][]eventstore.Record),
		streams:    make(map[string][]eventstore.Record),
		ledgers:    make(map[string][]eventstore.Record),
	}
}

// category returns the view of a category as of now.
func (s *suite) category(ctx context.Context, t test, category string) *view {
	t.Helper()
	v := s.views[category]
	records, err := collect(s.store.ReadCategory(ctx, category, eventstore.After(v.cursor)))
	must(t, "reading a category from where the last read ended", err)
	now := s.clock()
	ordered(t, "a category", records)
	added := make(map[int32][]eventstore.Record) // the view grows only if nothing is wrong
	for _, r := range records {
		if v.cursor.Seen(r.Position) {
			fatal(t, "a category read from a cursor yields a record that is behind the cursor", r.Position)
		}
		if r.Category != category {
			fatal(t, "a category yields a record of another category", r.Category)
		}
		p := r.Position.Partition
		before := added[p]
		if len(before) == 0 {
			before = v.partitions[p]
		}
		s.timeHolds(t, before, r, now)
		wholeCommits(t, before, r)
		added[p] = append(added[p], r)
	}
	for _, r := range records {
		p, id, key := r.Position.Partition, r.AggregateID, eventstore.BeforeSlash.Of(r.AggregateID)
		v.partitions[p] = append(v.partitions[p], r)
		v.streams[id] = append(v.streams[id], r)
		v.ledgers[key] = append(v.ledgers[key], r)
		v.cursor.Advance(r.Position)
		if r.Timestamp.After(s.now) && !r.Timestamp.After(now) {
			s.now = r.Timestamp
		}
	}
	return v
}

// wholeCommits fails unless the record stands where its commit says. before are those before it in
// its partition.
func wholeCommits(t test, before []eventstore.Record, r eventstore.Record) {
	t.Helper()
	var last eventstore.Record
	if n := len(before); n > 0 {
		last = before[n-1]
	}
	begun := last.Commit.Index < last.Commit.Size
	next := last.Commit
	next.Index++
	switch {
	case begun != (r.Commit.Index > 1), begun && r.Commit != next:
		fatal(t, "a commit is not there whole, in order", last.Commit, r.Commit)
	case begun && r.Position.Offset != last.Position.Offset+1:
		fatal(t, "the records of a commit do not stand at consecutive offsets", last.Position, r.Position)
	}
}

// since returns the known records that a read since t yields.
func (v *view) since(t time.Time) map[int32][]eventstore.Record {
	found := make(map[int32][]eventstore.Record)
	from := t.Truncate(time.Millisecond)
	for p, records := range v.partitions {
		first := slices.IndexFunc(records, func(r eventstore.Record) bool { return !r.Timestamp.Before(from) })
		if first >= 0 {
			found[p] = records[first:]
		}
	}
	return found
}

// after returns the known records that the cursor has not seen.
func (v *view) after(c eventstore.Cursor) map[int32][]eventstore.Record {
	found := make(map[int32][]eventstore.Record)
	for p, records := range v.partitions {
		first := sort.Search(len(records), func(i int) bool { return !c.Seen(records[i].Position) })
		if first < len(records) {
			found[p] = records[first:]
		}
	}
	return found
}

// only returns the known records of a stream.
func (v *view) only(stream eventstore.Stream) []eventstore.Record {
	return slices.Clone(v.streams[stream.ID])
}

// yields reads the category from start. It fails unless that yields want, record by record in each
// partition. Records that others have appended since the view was taken may follow.
func (s *suite) yields(
	ctx context.Context, t test, v *view, what string, start eventstore.Start, want map[int32][]eventstore.Record,
) {
	t.Helper()
	records, err := collect(s.store.ReadCategory(ctx, v.category, start))
	must(t, what, err)
	ordered(t, what, records)
	got := make(map[int32][]eventstore.Record)
	for _, r := range records {
		if v.cursor.Seen(r.Position) {
			got[r.Position.Partition] = append(got[r.Position.Partition], r)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(v.partitions)) {
		same(t, fmt.Sprintf("%s: a partition", what), got[p], want[p])
	}
}
