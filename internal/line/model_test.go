package line_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// TestInvariants drives a queue at random, beside a model that says what Q1 to Q6 ask for.
func TestInvariants(t *testing.T) { rapid.Check(t, invariants) }

func FuzzInvariants(f *testing.F) { f.Fuzz(rapid.MakeFuzz(invariants)) }

func invariants(t *rapid.T) {
	m := &model{log: make(map[string][]string), lines: make(map[string][]*entry)}
	m.queue = line.NewQueue(line.Config{
		MaxCommits: maxCommits, MaxBytes: maxBytes,
		Version: func(id string) (int64, error) { return int64(len(m.log[id])), nil },
	})
	t.Repeat(map[string]func(*rapid.T){
		"":             m.check,
		"read":         m.read,
		"enter behind": m.enterBehind,
		"and behind":   m.enterBehind, // and again, for long lines
		"and more":     m.enterBehind,
		"and again":    m.enterBehind,
		"enter beside": m.enterBeside,
		"take":         m.take,
		"store":        m.store,
		"refuse":       m.refuse,
		"disown":       m.disown,
		"yield":        m.yield,
		"withdraw":     m.withdraw,
		"postpone":     m.postpone,
		"stop":         m.stop,
	})
}

const (
	maxCommits = 8
	maxBytes   = 6_000
)

// streams are those of a partition; the first is the favourite.
var streams = []string{"a", "b", "c"}

var errStopped, errRefused = errors.New("stopped"), errors.New("refused")

// model says what a queue should do. It is as simple as can be, and shares nothing with the queue.
type model struct {
	queue *line.Queue

	log     map[string][]string // what the index holds: the ids of a stream's events
	lines   map[string][]*entry
	entries []*entry // all that have entered, in order
	reads   []reading
	ids     int
	stopped bool
}

// entry is a commit that has entered.
type entry struct {
	commit  *line.Commit
	events  map[string][]string // by stream that it writes
	decided map[string][]string // by stream of which it has a tip: the events that it was decided on
	expects map[string]int64    // by stream of which it expects a version without a tip
	behind  []*entry            // that it rests on
	size    int64

	state    state
	inLine   bool
	broken   bool
	beside   bool
	disowned bool
	result   eventstore.Result // that its caller is told
	err      error
}

type state int

const (
	waiting state = iota
	taken
	answered
)

// reading is what was shown of some streams, of each at some time.
type reading struct {
	events map[string][]string
	tips   map[string]line.Tip
	shown  [][]eventstore.Record
	copied [][]eventstore.Record
}

// in returns the entries in a state, in order.
func (m *model) in(s state) (found []*entry) {
	for _, e := range m.entries {
		if e.state == s {
			found = append(found, e)
		}
	}
	return found
}

// beside returns how many commits are queued for the stream and not shown.
func (m *model) beside(id string) (n int) {
	for _, e := range m.entries {
		if e.events[id] != nil && e.state != answered && e.beside {
			n++
		}
	}
	return n
}

// clone returns a copy that is not nil.
func clone(events []string) []string { return append([]string{}, events...) }

// shown returns the events that a decision may rest on.
func (m *model) shown(id string) []string {
	events := clone(m.log[id])
	for _, e := range m.lines[id] {
		events = append(events, e.events[id]...)
	}
	return events
}

// restsOnBroken reports whether something that the entry rests on is broken.
func (e *entry) restsOnBroken() bool {
	return slices.ContainsFunc(e.behind, func(b *entry) bool { return b.broken })
}

// check holds the queue against the model.
func (m *model) check(t *rapid.T) {
	for _, id := range streams {
		m.checkStream(t, id)
	}
	for _, e := range m.entries {
		select {
		case <-e.commit.Done():
			require.Equal(t, answered, e.state, "Q3: %v is answered", e.events)
			result, err := e.commit.Outcome()
			require.Equal(t, e.result, result)
			require.Equal(t, e.err, err)
		default:
			require.NotEqual(t, answered, e.state, "Q3: %v is answered as soon as what it rests on is broken", e.events)
		}
		if e.state == taken {
			require.Equal(t, e.restsOnBroken(), e.commit.RestsOnBroken(), "Q4: %v", e.events)
		}
	}
	for _, r := range m.reads {
		require.Equal(t, r.copied, r.shown, "what was shown is never changed")
		m.checkStand(t, r)
	}
	if m.stopped {
		require.Equal(t, errStopped, m.queue.Stopped())
	} else {
		require.NoError(t, m.queue.Stopped())
	}
}

func (m *model) checkStream(t *rapid.T, id string) {
	s := m.queue.Shown(id, 1)
	at := int64(len(m.log[id]))
	found := clone(m.log[id])
	for _, records := range s.Commits {
		for i := range records {
			at++
			require.Equal(t, at, records[i].AggregateVersion,
				"Q2 and Q6: no hole, between index and line or within the line")
			require.Equal(t, id, records[i].AggregateID)
			found = append(found, records[i].ID)
		}
	}
	require.Equal(t, m.shown(id), found, "Q5: the line is shown, and nothing else")
	var last *line.Commit
	events := clone(m.log[id])
	for _, e := range m.lines[id] {
		require.Equal(t, events, e.decided[id], "Q2: %v rests on what is before it", e.events)
		events = append(events, e.events[id]...)
		last = e.commit
		for other := range e.events {
			require.Contains(t, m.lines[other], e, "a commit stands in all its lines")
		}
	}
	require.Same(t, last, s.Last)
	require.Equal(t, m.beside(id) > 0, s.Beside)
}

// checkStand compares what the queue says of streams that were read with what is shown of them now.
func (m *model) checkStand(t *rapid.T, r reading) {
	stand := true
	for id, events := range r.events {
		stand = stand && slices.Equal(events, m.shown(id))
	}
	found, err := m.queue.Stand(slices.Collect(maps.Values(r.tips))...)
	require.NoError(t, err)
	require.Equal(t, stand, found.Moved == nil, "streams stand where they were read if nothing else is shown")
	if found.Moved != nil {
		require.NotEqual(t, r.events[found.Moved.ID], m.shown(found.Moved.ID))
		require.Equal(t, int64(len(m.shown(found.Moved.ID))), found.Actual)
		return
	}
	beside := false
	for id := range r.events {
		beside = beside || m.beside(id) > 0
	}
	require.Equal(t, beside, found.Beside)
}

// read does what a caller does before it decides.
func (m *model) read(t *rapid.T) {
	r := reading{events: make(map[string][]string), tips: make(map[string]line.Tip)}
	for i, id := range streams {
		if i > 0 && rapid.IntRange(0, 2).Draw(t, "reads "+id) > 0 {
			continue
		}
		s := m.queue.Shown(id, 1)
		r.events[id] = clone(m.log[id])
		for _, records := range s.Commits {
			r.shown, r.copied = append(r.shown, records), append(r.copied, slices.Clone(records))
			for i := range records {
				r.events[id] = append(r.events[id], records[i].ID)
			}
		}
		r.tips[id] = line.Tip{ID: id, Version: int64(len(r.events[id])), Last: s.Last}
	}
	m.reads = append(m.reads, r)
}

// enterBehind appends behind what one of the last readings has shown. The commit writes to some of
// the streams that were read, and perhaps to another one.
func (m *model) enterBehind(t *rapid.T) {
	if len(m.reads) == 0 || rapid.IntRange(0, 7).Draw(t, "reads again") > 0 {
		m.read(t)
	}
	r := m.reads[len(m.reads)-1-rapid.IntRange(0, min(3, len(m.reads)-1)).Draw(t, "readings before the last")]
	e := &entry{decided: make(map[string][]string), expects: make(map[string]int64), events: make(map[string][]string)}
	var writes []string
	for _, id := range streams {
		if _, read := r.events[id]; read && rapid.IntRange(0, 3).Draw(t, "writes "+id) > 0 ||
			!read && rapid.IntRange(0, 9).Draw(t, "writes blindly to "+id) == 0 {
			writes = append(writes, id)
		}
	}
	if len(writes) == 0 {
		writes = []string{streams[0]}
	}
	c := eventstore.Commit{Records: m.records(t, e, writes)}
	var tips []line.Tip
	for _, id := range streams {
		events, read := r.events[id]
		if !read {
			continue
		}
		e.decided[id] = clone(events)
		tips = append(tips, r.tips[id])
		c.Expect = append(c.Expect, eventstore.Expectation{
			Stream: stream(id), Version: eventstore.Expected(len(events)),
		})
		if on := m.of(r.tips[id].Last); on != nil {
			e.behind = append(e.behind, on)
		}
	}
	e.commit = line.New(c, tips...)
	m.enter(t, e)
}

func (m *model) of(c *line.Commit) *entry {
	for _, e := range m.entries {
		if e.commit == c {
			return e
		}
	}
	return nil
}

// enterBeside appends as a caller that has read nothing.
func (m *model) enterBeside(t *rapid.T) {
	e := &entry{expects: make(map[string]int64), events: make(map[string][]string)}
	writes := streams[:1]
	if rapid.Bool().Draw(t, "writes to two") {
		writes = streams[:2]
	}
	c := eventstore.Commit{Records: m.records(t, e, writes)}
	for _, id := range streams {
		if rapid.IntRange(0, 2).Draw(t, "expects a version of "+id) == 0 {
			e.expects[id] = int64(len(m.shown(id)))
			c.Expect = append(c.Expect, eventstore.Expectation{
				Stream: stream(id), Version: eventstore.Expected(e.expects[id]),
			})
		}
	}
	e.commit = line.New(c)
	m.enter(t, e)
}

func stream(id string) eventstore.Stream { return eventstore.Stream{Category: "A", ID: id} }

// records makes the records of a commit, one or two of each stream, mixed.
func (m *model) records(t *rapid.T, e *entry, writes []string) []eventstore.Record {
	order := slices.Clone(writes)
	for range rapid.IntRange(0, len(writes)).Draw(t, "more events") {
		order = append(order, rapid.SampledFrom(writes).Draw(t, "of"))
	}
	var records []eventstore.Record
	for _, id := range order {
		m.ids++
		r := eventstore.Record{
			Header: event.Header{
				ID: fmt.Sprint(m.ids), Type: "E", Revision: 1, Timestamp: time.Unix(1, 0),
				Category: "A", AggregateID: id,
			},
			Value: make([]byte, rapid.SampledFrom([]int{1, 200}).Draw(t, "bytes")),
		}
		e.events[id] = append(e.events[id], r.ID)
		e.size += int64(eventstore.Size(r) + len("A") + len(id))
		records = append(records, r)
	}
	return records
}

// enter lets the commit in, or says why it may not come in.
func (m *model) enter(t *rapid.T, e *entry) {
	const expectationBytes = 129 // beyond the first one, with an id
	e.size += int64(max(0, len(e.decided)+len(e.expects)-1) * expectationBytes)
	bytes := int64(0)
	for _, u := range append(m.in(waiting), m.in(taken)...) {
		bytes += u.size
	}
	room := len(m.in(waiting)) < maxCommits && (bytes == 0 || bytes+e.size <= maxBytes)
	err := m.queue.Enter(ended(), e.commit)
	var left *line.WaitingError
	switch {
	case m.stopped:
		require.Equal(t, errStopped, err)
		return
	case !room:
		require.ErrorAs(t, err, &left)
		return
	}
	for id, decided := range e.decided {
		if !slices.Equal(m.shown(id), decided) {
			require.ErrorIs(t, err, eventstore.ErrConflict,
				"Q2: %v was decided on %v, and it is not the end of %s", e.events, decided, id)
			return
		}
	}
	require.NoError(t, err)
	e.inLine = true
	for id := range e.events { // Q5
		e.inLine = e.inLine && e.decided[id] != nil && m.beside(id) == 0
	}
	for id := range e.events {
		if e.inLine {
			m.lines[id] = append(m.lines[id], e)
		}
	}
	e.beside = !e.inLine
	m.entries = append(m.entries, e)
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// take takes a batch.
func (m *model) take(t *rapid.T) {
	bytesAtMost, recordsAtMost := rapid.SampledFrom([]int{1, 900, maxBytes}).Draw(t, "bytes"), rapid.SampledFrom([]int{
		1, 3, 20,
	}).Draw(t, "records")
	bytes, records := 0, 0
	var expected []*line.Commit
	for _, e := range m.in(waiting) {
		bytes, records = bytes+int(e.size), records+max(len(e.commit.Records()), len(e.decided)+len(e.expects))
		if len(expected) > 0 && (bytes > bytesAtMost || records > recordsAtMost) {
			break
		}
		e.state = taken
		expected = append(expected, e.commit)
	}
	got := m.queue.Take(bytesAtMost, recordsAtMost)
	require.Len(t, got, len(expected), "Q1")
	for i, c := range got {
		require.Same(t, expected[i], c, "Q1: they are taken in the order in which they entered")
	}
}

// met reports whether everything is as the entry expects.
func (m *model) met(e *entry) bool {
	for id, version := range e.expects {
		if int64(len(m.log[id])) != version {
			return false
		}
	}
	for id, decided := range e.decided {
		if len(m.log[id]) != len(decided) {
			return false
		}
	}
	return true
}

// store is what the owner does with the first commits that it has taken. Those that may be written
// are stored at once.
func (m *model) store(t *rapid.T) {
	all := m.in(taken)
	if len(all) == 0 {
		return
	}
	var writes []line.Answer
	for _, e := range all[:rapid.IntRange(1, len(all)).Draw(t, "commits")] {
		if e.commit.RestsOnBroken() || !m.met(e) || e.disowned {
			err := fmt.Errorf("refused: %w", eventstore.ErrConflict)
			m.breaks(e)
			m.told(e, eventstore.Result{}, err)
			m.queue.Answer(line.Answer{Commit: e.commit, Err: err})
			continue
		}
		for id, decided := range e.decided {
			require.Equal(t, clone(m.log[id]), decided, "Q4: what %v rests on is stored when it is written", e.events)
		}
		parts := e.commit.Parts()
		require.Len(t, parts, len(e.events))
		e.commit.Place(func(part int) int64 { return int64(len(m.log[parts[part].ID])) })
		m.written(t, e)
		if e.inLine {
			for id := range e.events {
				require.Same(t, e, m.lines[id][0], "Q1 and Q2: a line is stored from its beginning on")
				m.lines[id] = m.lines[id][1:]
			}
			e.inLine = false
		}
		m.told(e, resultOf(e.commit), nil)
		writes = append(writes, line.Answer{Commit: e.commit, Result: e.result})
	}
	m.queue.Answer(writes...)
}

// written adds the events to the log, and looks at what their records say.
func (m *model) written(t *rapid.T, e *entry) {
	records := e.commit.Records()
	for i, r := range records {
		require.Equal(t, eventstore.CommitPart{Index: i + 1, Size: len(records), Several: len(e.events) > 1}, r.Commit)
		m.log[r.AggregateID] = append(m.log[r.AggregateID], r.ID)
		require.Equal(t, int64(len(m.log[r.AggregateID])), r.AggregateVersion)
	}
}

// told notes the answer to an entry.
func (m *model) told(e *entry, r eventstore.Result, err error) {
	e.state, e.result, e.err = answered, r, err
}

// breaks is Q3: the entry will not be stored in its place, nor what rests on it.
func (m *model) breaks(e *entry) {
	if !e.inLine {
		return
	}
	broken := []*entry{e}
	for i := 0; i < len(broken); i++ {
		b := broken[i]
		b.broken = true
		for id := range b.events {
			m.lines[id] = slices.DeleteFunc(slices.Clone(m.lines[id]), func(other *entry) bool { return other == b })
		}
		b.inLine = false
		for _, d := range m.entries {
			again := d.broken && d.state != waiting // one that waits was disowned by yield
			if d.state != answered && !again && slices.Contains(d.behind, b) && !slices.Contains(broken, d) {
				broken = append(broken, d)
			}
		}
	}
	for _, b := range broken {
		if b != e && b.state == waiting {
			err := m.conflictOf(b)
			m.told(b, eventstore.Result{}, err)
		}
	}
}

// conflictOf is the error of an entry that rests on a broken one. It names the first stream in
// which it does.
func (m *model) conflictOf(e *entry) error {
	for _, id := range streams {
		decided, read := e.decided[id]
		if shown := m.shown(id); read && len(shown) < len(decided) {
			return &eventstore.ConflictError{
				Stream: stream(id), Expected: eventstore.Expected(len(decided)), Actual: int64(len(shown)),
			}
		}
	}
	return nil
}

// refuse answers one of the commits that the owner has, out of turn, and stores nothing.
func (m *model) refuse(t *rapid.T) {
	all := m.in(taken)
	if len(all) == 0 {
		return
	}
	e := rapid.SampledFrom(all).Draw(t, "commit")
	var result eventstore.Result
	var err error
	switch rapid.SampledFrom([]string{"refused", "repeated", "lost"}).Draw(t, "because") {
	case "refused":
		err = errRefused
	case "repeated":
		result = eventstore.Result{Streams: []eventstore.Written{{First: 1, Last: 1}}, Repeated: true}
	case "lost":
		err = eventstore.ErrOutcomeUnknown
	}
	m.breaks(e)
	m.told(e, result, err)
	m.queue.Answer(line.Answer{Commit: e.commit, Result: result, Err: err})
}

// disown is what the owner does with a commit whose answer depends on another one of the batch.
func (m *model) disown(t *rapid.T) {
	all := m.in(taken)
	if len(all) == 0 {
		return
	}
	e := rapid.SampledFrom(all).Draw(t, "commit")
	e.disowned = e.disowned || e.inLine
	e.beside = e.beside || e.inLine
	m.breaks(e)
	m.queue.Disown(e.commit)
}

// yield is what the owner does when it has read records from the log. Another process has stored
// them, or they are of a commit whose answer was lost.
func (m *model) yield(t *rapid.T) {
	if all := m.in(taken); len(all) > 0 && rapid.Bool().Draw(t, "own") {
		if e := rapid.SampledFrom(all).Draw(t, "commit"); e.inLine {
			m.queue.Yield(e.commit.Records())
		}
		return
	}
	var records []eventstore.Record
	for _, id := range rapid.SampledFrom([][]string{{"a"}, {"b"}, {"b", "a"}, {"a", "a", "c"}}).Draw(t, "of others") {
		m.ids++
		records = append(records, eventstore.Record{Header: event.Header{
			ID: fmt.Sprint(m.ids), AggregateID: id, AggregateVersion: int64(len(m.log[id])) + 1,
		}})
		if n := len(records); n > 1 && records[n-2].AggregateID == id {
			records[n-1].AggregateVersion++
		}
	}
	for _, r := range records {
		if len(m.lines[r.AggregateID]) == 0 {
			continue
		}
		e := m.lines[r.AggregateID][0]
		e.disowned, e.beside = true, true
		m.breaks(e)
	}
	m.queue.Yield(records)
	for _, r := range records {
		m.log[r.AggregateID] = append(m.log[r.AggregateID], r.ID)
	}
}

// withdraw does what a caller does that leaves.
func (m *model) withdraw(t *rapid.T) {
	all := append(m.in(waiting), m.in(taken)...)
	if len(all) == 0 {
		return
	}
	e := rapid.SampledFrom(all).Draw(t, "commit")
	_, err := m.queue.Await(ended(), e.commit)
	if e.state == taken {
		require.ErrorIs(t, err, eventstore.ErrOutcomeUnknown)
		return
	}
	var left *line.WaitingError
	require.ErrorAs(t, err, &left)
	m.breaks(e)
	m.told(e, eventstore.Result{}, err)
}

// postpone is what the owner does so that times never go back.
func (m *model) postpone(t *rapid.T) {
	all := m.in(taken)
	if len(all) == 0 {
		return
	}
	e := rapid.SampledFrom(all).Draw(t, "commit")
	then := time.Unix(int64(rapid.IntRange(1, 9).Draw(t, "time")), 0)
	m.queue.Postpone(e.commit, then)
	for _, r := range e.commit.Records() {
		require.False(t, r.Timestamp.Before(then))
	}
}

// stop stops the queue, which is seldom.
func (m *model) stop(t *rapid.T) {
	if rapid.IntRange(0, 19).Draw(t, "not yet") > 0 || m.stopped {
		return
	}
	m.stopped = true
	for _, e := range m.in(waiting) {
		if e.state == waiting { // the one before may have ended it
			m.told(e, eventstore.Result{}, errStopped)
			m.breaks(e)
		}
	}
	m.queue.Stop(errStopped)
}

// resultOf is the result of a commit that is stored where it was placed.
func resultOf(c *line.Commit) eventstore.Result {
	var r eventstore.Result
	for _, p := range c.Parts() {
		r.Streams = append(r.Streams, eventstore.Written{Stream: stream(p.ID), First: p.First, Last: p.Last()})
	}
	return r
}
