package eventstore

import (
	"maps"
	"math"
	"time"

	"github.com/fencelog/fencelog/event"
)

// Cursor remembers how far a reader of a category has come. For each partition it has the offset of
// the last record that the reader has seen. A partition that is absent has not been read. A
// projection saves its Cursor beside its data. It is not safe for concurrent use.
type Cursor map[int32]int64

// Advance notes that the record at p has been seen.
func (c Cursor) Advance(p event.Position) { c[p.Partition] = p.Offset }

// Seen reports whether the record at p is behind the cursor.
func (c Cursor) Seen(p event.Position) bool {
	last, ok := c[p.Partition]
	return ok && p.Offset <= last
}

// Start is where a read of a category begins: [Beginning], [End], [After] or [Since].
// The zero Start is the beginning.
type Start struct {
	after Cursor
	since time.Time
	end   bool
}

// Beginning starts at the first record of every partition.
func Beginning() Start { return Start{} }

// End starts behind the last record that every partition has at the time of the call. A reader that
// follows from there gets what is appended from then on.
func End() Start { return Start{end: true} }

// After starts behind the records that the cursor has seen. It starts at the first record of each
// partition that the cursor does not name.
func After(c Cursor) Start { return Start{after: maps.Clone(c)} }

// Since starts each partition at its first record whose timestamp is t or later, as Kafka's
// ListOffsets by timestamp does. All later records of the partition are yielded, even if other
// programs wrote their timestamps in another order. Timestamps count in whole milliseconds there,
// and here.
func Since(t time.Time) Start { return Start{since: t.Truncate(time.Millisecond)} }

// Offset returns the lowest offset of the partition that may be yielded.
func (s Start) Offset(partition int32) int64 {
	last, ok := s.after[partition]
	switch {
	case !ok:
		return 0
	case last == math.MaxInt64:
		return last
	}
	return last + 1
}

// Time returns the time given to [Since], or the zero time.
func (s Start) Time() time.Time { return s.since }

// AtEnd reports whether this is [End].
func (s Start) AtEnd() bool { return s.end }
