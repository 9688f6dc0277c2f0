package line_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

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
