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
	base     int64              // offset of the first record, once they are stored
	latest   time.Time          // of an event in the partition, once they are stored
	versions map[string]int64   // of the streams that the writes are in, once they are stored
	commands map[commandKey]int // the place of the write with that command
	before   []int64            // of the streams of the commit that is being added
	answers  []line.Answer
}

// commandKey names a command: its id counts within a partition key.
type commandKey struct{ partitionKey, id string }

// batches are empty ones. Owners share them, so that those of idle partitions take no memory.
//
//nolint:gochecknoglobals // pools are shared
var batches = sync.Pool{New: func() any {
	return &batch{
		why: make(map[*line.Commit]error), first: make(map[*line.Commit]int),
		versions: make(map[string]int64), commands: make(map[commandKey]int),
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
	b.open, b.writes, b.conflicts, b.repeats = b.open[:0], b.writes[:0], b.conflicts[:0], b.repeats[:0]
	b.records, b.answers, b.base = b.records[:0], b.answers[:0], 0
}

// all returns the commits that are not answered, in the order of the queue. If they are written
// again, commits of one list keep their order.
func (b *batch) all() []*line.Commit { return append([]*line.Commit(nil), b.open...) }
