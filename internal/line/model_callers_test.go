package line_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// read does what a caller does before it decides.
func (m *model) read(t *rapid.T) {
	r := reading{events: make(map[string][]string), tips: make(map[string]line.Tip)}
	for i, id := range streams {
		if i > 0 && rapid.IntRange(0, 2).Draw(t, "reads "+id) > 0 {
			continue
		}
		s, _ := m.queue.Shown(line.Tip{ID: id})
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

// readOn reads a stream behind what an earlier reading has shown of it.
func (m *model) readOn(t *rapid.T) {
	if len(m.reads) == 0 {
		return
	}
	before := rapid.SampledFrom(m.reads).Draw(t, "an earlier reading")
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(before.tips))).Draw(t, "of")
	s, stands := m.queue.Shown(before.tips[id])
	on := m.of(before.tips[id].Last)
	require.Equal(t, on == nil || !on.broken, stands, "a reading goes on unless it rests on what is broken")
	if !stands {
		return
	}
	r := reading{
		events: map[string][]string{id: clone(before.events[id])},
		tips:   map[string]line.Tip{},
	}
	version := len(before.events[id])
	if version < len(m.log[id]) {
		r.events[id] = append(r.events[id], m.log[id][version:]...)
	}
	for _, records := range s.Commits {
		r.shown, r.copied = append(r.shown, records), append(r.copied, slices.Clone(records))
		for i := range records {
			if records[i].AggregateVersion > int64(version) {
				r.events[id] = append(r.events[id], records[i].ID)
			}
		}
	}
	require.Equal(t, m.shown(id), r.events[id], "what comes behind an earlier reading makes it a reading of now")
	r.tips[id] = line.Tip{ID: id, Version: int64(len(r.events[id])), Last: s.Last}
	m.reads = append(m.reads, r)
}

// enterBehind appends behind what was read.
func (m *model) enterBehind(t *rapid.T) { m.enter(t, m.behind(t)) }

// behind makes a commit behind what one of the last readings has shown. The commit writes to some
// of the streams that were read, and perhaps to another one.
func (m *model) behind(t *rapid.T) *entry {
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
	e.size += expectationsSize(e)
	return e
}

func (m *model) of(c *line.Commit) *entry {
	for _, e := range m.entries {
		if e.commit == c {
			return e
		}
	}
	return nil
}

// enterBeside appends without having read.
func (m *model) enterBeside(t *rapid.T) { m.enter(t, m.blind(t)) }

// blind makes a commit as a caller does that has read nothing.
func (m *model) blind(t *rapid.T) *entry {
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
	e.size += expectationsSize(e)
	return e
}

// expectationsSize is what the queue counts for the expectations of a commit, beyond the first one.
func expectationsSize(e *entry) int64 {
	const one = 129 // with an id
	return int64(max(0, len(e.decided)+len(e.expects)-1) * one)
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
	room := m.room(e)
	m.entered(t, e, room, m.queue.Enter(ended(), e.commit))
}

// enterEach gives the queue a list, which is as if its commits came one after the other. If one of
// them has no room, none behind it comes in.
func (m *model) enterEach(t *rapid.T) {
	list := make([]*entry, rapid.IntRange(0, 6).Draw(t, "commits"))
	commits := make([]*line.Commit, len(list))
	for i := range list {
		if rapid.Bool().Draw(t, "behind") {
			list[i] = m.behind(t)
		} else {
			list[i] = m.blind(t)
		}
		commits[i] = list[i].commit
	}
	m.queue.EnterEach(ended(), commits)
	room := true
	for _, e := range list {
		room = room && m.room(e)
		var err error
		select {
		case <-e.commit.Done():
			_, err = m.queue.Await(ended(), e.commit)
			require.Error(t, err)
		default:
		}
		m.entered(t, e, room, err)
	}
}

// room reports whether there is room for the commit.
func (m *model) room(e *entry) bool {
	bytes := int64(0)
	for _, u := range append(m.in(waiting), m.in(taken)...) {
		bytes += u.size
	}
	return len(m.in(waiting)) < maxCommits && (bytes == 0 || bytes+e.size <= maxBytes)
}

// entered compares the answer to a commit that was given to the queue with what should become of
// it.
func (m *model) entered(t *rapid.T, e *entry, room bool, err error) {
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

// leave takes back several commits at once, in the order in which they came.
func (m *model) leave(t *rapid.T) {
	var list []*entry
	var commits []*line.Commit
	for _, e := range m.entries {
		if rapid.Bool().Draw(t, "leaves") {
			list, commits = append(list, e), append(commits, e.commit)
		}
	}
	m.queue.Leave(ended(), commits...)
	for _, e := range list {
		if e.state == waiting { // the one before may have ended it
			_, err := e.commit.Outcome()
			m.breaks(e)
			m.told(e, eventstore.Result{}, err)
			var left *line.WaitingError
			require.ErrorAs(t, err, &left)
		}
	}
}
