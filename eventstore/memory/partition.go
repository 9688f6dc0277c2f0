package memory

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/wake"
)

// partition is one log of a category, and the streams whose records are in it.
//
// Its slices only grow, and their elements never change. So a slice header that was copied under
// the mutex is a snapshot, which goroutines read without the mutex.
type partition struct {
	number int32
	key    eventstore.PartitionKey
	moved  *wake.Bell // the category's: rung when one of its partitions has grown, or the store is closed
	now    func() time.Time

	mu       sync.RWMutex
	log      []eventstore.Record // offsets and times never go back in it
	next     int64               // the lowest offset that the next record may have
	gaps     *rand.Rand
	streams  map[string][]int    // by aggregate id, then by version - 1: places in log
	commands map[command]applied // the commits of commands

	snapshots map[snapshotName]eventstore.Snapshot
}

// command names a command: its id counts within a partition key.
type command struct{ partitionKey, id string }

// applied is what the store keeps of a command's commit.
type applied struct {
	result eventstore.Result
	digest string
}

func newPartition(number int32, key eventstore.PartitionKey, moved *wake.Bell, cfg Config) *partition {
	return &partition{
		number: number, key: key, moved: moved, now: cfg.Now,
		streams: make(map[string][]int), commands: make(map[command]applied),
		snapshots: make(map[snapshotName]eventstore.Snapshot),
		// As on Kafka, where the first claim's marker comes before the first event.
		next: 1,
		gaps: rand.New(rand.NewPCG(cfg.Seed, uint64(number))), //nolint:gosec // repeatable on purpose
	}
}

// append takes a commit that passed [eventstore.Check]. If read is true, all that the commit
// expects of streams held when ReadQueued read the last of them. That is enough for a check, unless
// it expects something of commands, too: all must have held together.
func (p *partition) append(c eventstore.Commit, read bool) (eventstore.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	made := command{p.key.Of(c.Stream().ID), c.CommandID}
	if first, ok := p.commands[made]; ok {
		if err := c.Repeats(first.result, first.digest); err != nil {
			return eventstore.Result{}, err
		}
		return first.again(), nil
	}
	check := len(c.Records) == 0
	if !check || !read || len(c.ExpectCommands) > 0 {
		if err := p.conflict(c.Expect); err != nil {
			return eventstore.Result{}, err
		}
	}
	for _, e := range c.ExpectCommands {
		if _, found := p.commands[command{made.partitionKey, e.CommandID}]; found != e.Applied {
			return eventstore.Result{}, &eventstore.CommandConflictError{
				Stream: c.Stream(), CommandID: e.CommandID, Applied: found,
			}
		}
	}
	if check {
		return eventstore.Result{}, nil
	}
	result := p.store(c)
	if c.CommandID != "" {
		first := result
		first.Streams = slices.Clone(result.Streams)
		p.commands[made] = applied{first, c.Digest}
	}
	return result, nil
}

// conflict returns a *[eventstore.ConflictError] for the first expectation that does not hold.
func (p *partition) conflict(expect []eventstore.Expectation) error {
	for _, e := range expect {
		if actual := int64(len(p.streams[e.Stream.ID])); !e.Version.Met(actual) {
			return &eventstore.ConflictError{Stream: e.Stream, Expected: e.Version, Actual: actual}
		}
	}
	return nil
}

// store adds the records of a commit.
func (p *partition) store(c eventstore.Commit) eventstore.Result {
	p.leaveGap()
	now := p.now().UTC()
	var result eventstore.Result
	written := make(map[string]int) // by aggregate id: the place in result.Streams
	for i, r := range c.Stamped() {
		r.AggregateVersion = int64(len(p.streams[r.AggregateID])) + 1
		r.Commit = eventstore.CommitPart{Index: i + 1, Size: len(c.Records)}
		p.add(r, now)
		at, known := written[r.AggregateID]
		if !known {
			at = len(result.Streams)
			written[r.AggregateID] = at
			result.Streams = append(result.Streams,
				eventstore.Written{Stream: r.Stream(), First: r.AggregateVersion})
		}
		result.Streams[at].Last = r.AggregateVersion
	}
	records := p.log[len(p.log)-len(c.Records):]
	for i := range records {
		records[i].Commit.Several = len(result.Streams) > 1
	}
	last := &records[len(records)-1]
	result.Position, result.Time = last.Position, last.Timestamp
	return result
}

// applied reports whether a commit of the command is in the partition key of the aggregate, unless
// something has been stored behind what was read.
func (p *partition) applied(aggregateID, commandID string, with []eventstore.Expectation) (bool, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, found := p.commands[command{p.key.Of(aggregateID), commandID}]
	return found, p.conflict(with)
}

// again returns the answer to a repetition of the command. Callers may change the answer.
func (a applied) again() eventstore.Result {
	r := a.result
	r.Streams = slices.Clone(r.Streams)
	r.Repeated, r.Time = true, time.Time{}
	return r
}

// One commit of so many leaves a gap before it, of so many offsets at most.
const (
	commitsPerGap = 4
	longestGap    = 3
)

// leaveGap passes over a few offsets now and then, as markers do on Kafka.
func (p *partition) leaveGap() {
	if p.gaps.IntN(commitsPerGap) == 0 {
		p.next += 1 + p.gaps.Int64N(longestGap)
	}
}

// add puts a copy of r, which shares nothing with it, at the end of the log and of its stream.
func (p *partition) add(r eventstore.Record, now time.Time) {
	r.Position = event.Position{Partition: p.number, Offset: p.next}
	p.next++
	r.Timestamp = p.timeOf(r.Timestamp, now)
	r.Value = bytes.Clone(r.Value)
	if r.Metadata = maps.Clone(r.Metadata); len(r.Metadata) == 0 {
		r.Metadata = nil
	}
	p.streams[r.AggregateID] = append(p.streams[r.AggregateID], len(p.log))
	p.log = append(p.log, r)
}

// timeOf returns the time that a record is stored with. That is the given time, but not after now,
// and not before the time of the last record.
func (p *partition) timeOf(given, now time.Time) time.Time {
	if given.After(now) {
		given = now
	}
	if n := len(p.log); n > 0 && given.Before(p.log[n-1].Timestamp) {
		return p.log[n-1].Timestamp
	}
	return given.UTC().Round(0) // Round(0) drops the monotonic clock's reading
}

// read returns the log, and the places in it of a stream's records. It fails with a
// *[eventstore.ConflictError] if one of the expectations does not hold now.
func (p *partition) read(
	aggregateID string, with []eventstore.Expectation,
) (log []eventstore.Record, places []int, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if err := p.conflict(with); err != nil {
		return nil, nil, err
	}
	return p.log, p.streams[aggregateID], nil
}

// since returns the part of the log that begins at start.
func (p *partition) since(start eventstore.Start) []eventstore.Record {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if start.AtEnd() {
		return nil
	}
	offset, t := start.Offset(p.number), start.Time()
	first := sort.Search(len(p.log), func(i int) bool {
		r := &p.log[i]
		return r.Position.Offset >= offset && !r.Timestamp.Truncate(time.Millisecond).Before(t)
	})
	return p.log[first:]
}

// begin returns the offset at which start is; the end of the log if nothing is behind start.
func (p *partition) begin(start eventstore.Start) int64 {
	end := p.end()
	if found := p.since(start); len(found) > 0 {
		return found[0].Position.Offset
	}
	if start.Time().IsZero() {
		return min(start.Offset(p.number), end)
	}
	return end
}

// end returns the lowest offset that the next record may have.
func (p *partition) end() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.next
}
