package owner

import (
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// batch is what check makes of the commits.
type batch struct {
	open      []*line.Commit // those that are not answered, in the order of the queue (Q1)
	writes    []*line.Commit // to be appended, each checked against the index and the ones before it
	conflicts []*line.Commit // refused because of a write in this batch: answered once that is stored
	// commits with the command id of a write in this batch: once that is stored, they are answered
	// with its result, or refused
	repeats  []*line.Commit
	why      map[*line.Commit]error // by conflict
	first    map[*line.Commit]int   // by repeat, the place of its write among the writes
	records  []eventstore.Record
	base     int64            // offset of the first record, once they are stored
	latest   time.Time        // of an event in the partition, once they are stored
	versions map[string]int64 // of the streams that the writes are in, once they are stored
	commands map[uint64]int32 // by hash of a command, one more than the place of the last write with it
	alike    []int32          // by write, the same of the write before with the same hash; 0 if there is none
	before   []int64          // of the streams of the commit that is being added
	answers  []line.Answer
}

// batches are empty ones. Owners share them, so that those of idle partitions take no memory.
//
//nolint:gochecknoglobals // pools are shared
var batches = sync.Pool{New: func() any {
	return &batch{
		why: make(map[*line.Commit]error), first: make(map[*line.Commit]int),
		versions: make(map[string]int64), commands: make(map[uint64]int32),
	}
}}

// reset empties the batch, and lets go of what was in it.
func (b *batch) reset() {
	clear(b.open)
	clear(b.writes)
	clear(b.conflicts)
	clear(b.repeats)
	clear(b.records)
	clear(b.why)
	clear(b.first)
	clear(b.versions)
	clear(b.commands)
	clear(b.answers)
	b.alike = b.alike[:0]
	b.open, b.writes, b.conflicts, b.repeats = b.open[:0], b.writes[:0], b.conflicts[:0], b.repeats[:0]
	b.records, b.answers, b.base = b.records[:0], b.answers[:0], 0
}

// commandIn returns the place of the write with the command, whose hash is given.
func (b *batch) commandIn(hash uint64, is func(*line.Commit) bool) (place int, found bool) {
	for at := b.commands[hash]; at > 0; at = b.alike[at-1] {
		if is(b.writes[at-1]) {
			return int(at - 1), true
		}
	}
	return 0, false
}

// write adds a commit to the writes.
func (b *batch) write(c *line.Commit) {
	before := int32(0)
	if c.CommandID() != "" {
		before = b.commands[c.CommandHash()]
		b.commands[c.CommandHash()] = int32(len(b.writes)) + 1
	}
	b.open, b.writes, b.alike = append(b.open, c), append(b.writes, c), append(b.alike, before)
	b.records = append(b.records, c.Records()...)
}

// all returns the commits that are not answered, in the order of the queue. If they are written
// again, commits of one list keep their order.
func (b *batch) all() []*line.Commit { return append([]*line.Commit(nil), b.open...) }
