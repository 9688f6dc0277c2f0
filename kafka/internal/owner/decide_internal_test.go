package owner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/internal/line"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/rule"
)

// Two thousand short histories of one stream. Commits come with tips and without. They are
// withdrawn, taken, stored, refused and taken again, in any order. After each step the queue keeps
// its invariants.
func TestQueueKeepsItsInvariants(t *testing.T) {
	const histories, steps = 2_000, 30
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	idx, err := index.Open("",
		index.Identity{ClusterID: "c", Topics: map[string]index.Topic{"t": {ID: "i", Partitions: 1}}},
		slog.New(slog.NewTextHandler(io.Discard, nil)))
	require.NoError(t, err)
	defer idx.Close()
	p, err := idx.Partition("t", 0)
	require.NoError(t, err)
	base := rule.Config{Index: p}
	cfg := Config{Config: claim.Config{Config: base}, MaxWaiting: 100, MaxWaitingBytes: 1 << 30, MaxBatchBytes: 1 << 20}
	seen := make(map[string]int)
	for n := range histories {
		h := &queueHistory{
			T: t, seen: seen, rng: rand.New(rand.NewPCG(seed, uint64(n))),
			stream: eventstore.Stream{Category: "A", ID: fmt.Sprint(n)},
			owner:  &Owner{cfg: cfg, queue: newQueue(&cfg)},
			tips:   make(map[*line.Commit][]string), log: []string{},
		}
		for range steps {
			h.step()
			h.invariants()
		}
		for h.batch() {
			h.invariants()
		}
		require.Empty(t, h.waiting)
		require.Equal(t, line.Shown{}, h.line())
	}
	for _, what := range []string{
		"stored on queued", "broken", "withdrawn", "conflict at once", "repeated",
		"stored anyhow", "refused on broken", "read on", "not to be read on",
	} {
		require.Greater(t, seen[what], histories/100, "%s: %v", what, seen)
	}
}

// queueHistory is a history under way, with the state that it should have.
type queueHistory struct {
	*testing.T
	rng    *rand.Rand
	seen   map[string]int // what has happened in all histories
	owner  *Owner
	stream eventstore.Stream

	reads   []queueRead
	waiting []*line.Commit
	tips    map[*line.Commit][]string // of the commits that came by a tip: the events that they were decided on
	log     []string                  // event ids that are stored
	shown   []string                  // event ids that were shown before they were stored, or never were
	ids     int
}

type queueRead struct {
	events []string
	tip    *Tip
}

func (h *queueHistory) step() {
	switch n := h.rng.IntN(12); {
	case n < 2:
		h.read()
	case n < 7 && len(h.reads) > 0:
		h.appendByTip(h.reads[len(h.reads)-1-h.rng.IntN(min(2, len(h.reads)))])
	case n < 9:
		expected := eventstore.Any
		if h.rng.IntN(3) == 0 {
			expected = eventstore.Expected(len(h.log) + h.rng.IntN(3))
		}
		h.enter(line.New(eventstore.To(h.stream, expected, h.records()...)))
	case n < 10 && len(h.waiting) > 0:
		c := h.waiting[h.rng.IntN(len(h.waiting))]
		ctx, leave := context.WithCancel(h.Context())
		leave()
		var left *line.WaitingError
		if _, err := h.owner.queue.Await(ctx, c); errors.As(err, &left) {
			h.seen["withdrawn"]++
		}
	default:
		h.batch()
	}
}

func (h *queueHistory) records() []eventstore.Record {
	command := ""
	if h.rng.IntN(3) == 0 {
		command = fmt.Sprint("command ", h.rng.IntN(2))
	}
	rs := make([]eventstore.Record, 1+h.rng.IntN(2))
	for i := range rs {
		h.ids++
		rs[i] = eventstore.Record{
			Header: event.Header{
				ID: fmt.Sprint(h.ids), Type: "E", Revision: 1, Timestamp: time.Unix(1, 0),
				CommandID: command,
			},
			Value: []byte("v"),
		}
	}
	return rs
}

func (h *queueHistory) read() queueRead {
	all, tip, err := h.owner.ReadQueued(From{Stream: h.stream}, nil)
	require.NoError(h, err)
	r := queueRead{tip: tip, events: []string{}}
	for rec, err := range all {
		require.NoError(h, err)
		r.events = append(r.events, rec.ID)
		require.Equal(h, int64(len(r.events)), rec.AggregateVersion)
	}
	require.Equal(h, int64(len(r.events)), tip.Version())
	h.readOn(r)
	h.reads = append(h.reads, r)
	return r
}

// readOn reads behind what an earlier read has shown. Together they show what a read of now does.
func (h *queueHistory) readOn(now queueRead) {
	if len(h.reads) == 0 {
		return
	}
	before := h.reads[h.rng.IntN(len(h.reads))]
	all, tip, err := h.owner.ReadQueued(From{Stream: h.stream, Version: before.tip.version, Tip: before.tip}, nil)
	if err != nil {
		h.seen["not to be read on"]++
		require.ErrorIs(h, err, eventstore.ErrConflict)
		require.NotNil(h, before.tip.on)
		require.False(h, before.tip.on.Stored())
		return
	}
	h.seen["read on"]++
	events := slices.Clone(before.events)
	for rec, err := range all {
		require.NoError(h, err)
		events = append(events, rec.ID)
		require.Equal(h, int64(len(events)), rec.AggregateVersion)
	}
	require.Equal(h, now.events, events)
	require.Equal(h, now.tip.version, tip.version)
	require.Same(h, now.tip.on, tip.on)
}

func (h *queueHistory) appendByTip(r queueRead) {
	now := h.read()
	at := eventstore.Expectation{Stream: h.stream, Version: eventstore.Expected(r.tip.version)}
	c := line.New(at.Commit(h.records()...), line.Tip{ID: h.stream.ID, Version: r.tip.version, Last: r.tip.on})
	h.tips[c] = r.events
	err := h.enter(c)
	if err != nil {
		h.seen["conflict at once"]++
	}
	require.Equal(h, slices.Equal(now.events, r.events), err == nil,
		"a conflict at once, if and only if something else is shown by now: %v", err)
}

func (h *queueHistory) enter(c *line.Commit) error {
	err := h.owner.queue.Enter(h.Context(), c)
	if err == nil {
		h.waiting = append(h.waiting, c)
	}
	return err
}

// batch does what the owner does with a batch, but chance decides what the broker says. It reports
// whether there was something to do.
func (h *queueHistory) batch() bool {
	commits := h.owner.queue.Take(2000+h.rng.IntN(6000), maxBatchRecords)
	h.process(commits)
	return len(commits) > 0
}

func (h *queueHistory) process(commits []*line.Commit) {
	b := batches.Get().(*batch)
	require.NoError(h, h.owner.check(b, commits))
	if len(b.writes) == 0 {
		return
	}
	switch left := b.all(); h.rng.IntN(5) {
	case 0: // claimed again
		h.process(left)
	case 1:
		if len(left) == 1 {
			h.owner.queue.Answer(line.Answer{Commit: left[0], Err: &RefusedError{}})
			return
		}
		for _, c := range left {
			h.process([]*line.Commit{c})
		}
	default:
		h.store(b)
	}
}

func (h *queueHistory) store(b *batch) {
	for _, c := range b.writes {
		if events, byTip := h.tips[c]; byTip {
			require.Equal(h, events, h.log[:len(h.log):len(h.log)], "what is stored before is what was decided on")
			if slices.Contains(h.shown, c.Records()[0].ID) {
				h.seen["stored on queued"]++
			}
		} else {
			h.seen["stored anyhow"]++
		}
		for _, r := range c.Records() {
			h.log = append(h.log, r.ID)
		}
	}
	b.base = h.owner.cfg.Index.Checkpoint().Next
	for i := range b.records {
		b.records[i].Position = event.Position{Offset: b.base + int64(i)}
	}
	require.NoError(h, h.owner.cfg.Index.Apply(index.Change{
		Records: b.records, Checkpoint: index.Checkpoint{Next: b.base + int64(len(b.records))},
	}))
	h.owner.answerAll(b)
}

// line returns the line of the stream.
func (h *queueHistory) line() line.Shown {
	s, stands := h.owner.queue.Shown(line.Tip{ID: h.stream.ID})
	require.True(h, stands)
	return s
}

// invariants compares what is shown and what was told with the log.
func (h *queueHistory) invariants() {
	shown := h.read().events
	h.reads = h.reads[:len(h.reads)-1]
	require.Equal(h, h.log, shown[:min(len(h.log), len(shown)):min(len(h.log), len(shown))],
		"what is shown goes on from what is stored")
	h.shown = append(h.shown, shown...)
	at := len(h.log)
	for _, records := range h.line().Commits {
		require.Equal(h, shown[:at], h.tips[h.of(records[0].ID)],
			"Q2: each commit of a line rests on what is before it")
		at += len(records)
	}
	require.Len(h, shown, at)
	h.waiting = slices.DeleteFunc(h.waiting, func(c *line.Commit) bool {
		select {
		case <-c.Done():
			h.judge(c)
			return true
		default:
			id := c.Records()[0].ID
			require.Equal(h, slices.Contains(h.shown, id), slices.Contains(shown, id),
				"Q3: what is broken does not wait")
			return false
		}
	})
}

// of returns the commit of an event that waits.
func (h *queueHistory) of(id string) *line.Commit {
	for _, c := range h.waiting {
		if c.Records()[0].ID == id {
			return c
		}
	}
	return nil
}

// judge compares an answer with the log.
func (h *queueHistory) judge(c *line.Commit) {
	at := slices.Index(h.log, c.Records()[0].ID)
	result, err := c.Outcome()
	_, byTip := h.tips[c]
	switch {
	case err != nil:
		require.Negative(h, at)
		if byTip && slices.Contains(h.shown, c.Records()[0].ID) {
			h.seen["broken"]++
		} else if byTip {
			h.seen["refused on broken"]++
		}
	case result.Repeated:
		h.seen["repeated"]++
		require.Negative(h, at)
	default:
		require.Equal(h, int64(at+1), result.First())
	}
}
