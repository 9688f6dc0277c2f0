package line_test

import (
	"context"
	"errors"
	"fmt"
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
		"withdraw":     m.withdraw,
		"postpone":     m.postpone,
		"stop":         m.stop,
	})
}

const (
	maxCommits = 8
	maxBytes   = 4_000
)

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
	stream  string
	events  []string
	decided []string // the events that it was decided on; nil if it came beside the line
	behind  *entry   // of the line; nil if there was no line
	size    int64

	state    state
	inLine   bool
	broken   bool
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

// reading is what was shown at some time.
type reading struct {
	stream string
	events []string
	last   *line.Commit
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
		if e.stream == id && e.state != answered && !e.inLine && (!e.broken || e.disowned) {
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
		events = append(events, e.events...)
	}
	return events
}

// check holds the queue against the model.
func (m *model) check(t *rapid.T) {
	for _, id := range []string{"a", "b"} {
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
			require.Equal(t, e.behind != nil && e.behind.broken, e.commit.RestsOnBroken(), "Q4: %v", e.events)
		}
	}
	for _, r := range m.reads {
		require.Equal(t, r.copied, r.shown, "what was shown is never changed")
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
			found = append(found, records[i].ID)
		}
	}
	require.Equal(t, m.shown(id), found, "Q5: the line is shown, and nothing else")
	var last *line.Commit
	events := clone(m.log[id])
	for _, e := range m.lines[id] {
		require.Equal(t, events, e.decided, "Q2: %v rests on what is before it", e.events)
		events = append(events, e.events...)
		last = e.commit
	}
	require.Same(t, last, s.Last)
	require.Equal(t, m.beside(id) > 0, s.Beside)
}

// read does what a caller does before it decides.
func (m *model) read(t *rapid.T) {
	id := rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(t, "stream")
	s := m.queue.Shown(id, 1)
	r := reading{stream: id, events: clone(m.log[id]), last: s.Last, shown: s.Commits}
	for _, records := range s.Commits {
		r.copied = append(r.copied, slices.Clone(records))
		for i := range records {
			r.events = append(r.events, records[i].ID)
		}
	}
	m.reads = append(m.reads, r)
}

// enterBehind appends behind what one of the last readings has shown.
func (m *model) enterBehind(t *rapid.T) {
	if len(m.reads) == 0 || rapid.IntRange(0, 7).Draw(t, "reads again") > 0 {
		m.read(t)
	}
	r := m.reads[len(m.reads)-1-rapid.IntRange(0, min(3, len(m.reads)-1)).Draw(t, "readings before the last")]
	e := m.newEntry(t, r.stream)
	e.decided = clone(r.events)
	e.behind = m.of(r.last)
	e.commit = line.Behind(r.last, stream(r.stream), int64(len(r.events)), m.records(t, e))
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
	e := m.newEntry(t, rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(t, "stream"))
	expected := eventstore.Any
	if rapid.Bool().Draw(t, "expects a version") {
		expected = eventstore.Expected(len(m.shown(e.stream)))
	}
	e.commit = line.New(stream(e.stream), expected, m.records(t, e))
	m.enter(t, e)
}

func stream(id string) eventstore.Stream { return eventstore.Stream{Category: "A", ID: id} }

func (m *model) newEntry(t *rapid.T, id string) *entry {
	e := &entry{stream: id}
	for range rapid.IntRange(1, 2).Draw(t, "events") {
		m.ids++
		e.events = append(e.events, fmt.Sprint(m.ids))
	}
	return e
}

func (m *model) records(t *rapid.T, e *entry) []eventstore.Record {
	var records []eventstore.Record
	for _, id := range e.events {
		r := eventstore.Record{
			Header: event.Header{ID: id, Type: "E", Revision: 1, Timestamp: time.Unix(1, 0)},
			Value:  make([]byte, rapid.SampledFrom([]int{1, 200}).Draw(t, "bytes")),
		}
		e.size += int64(eventstore.Size(r) + len("A") + len(e.stream))
		records = append(records, r)
	}
	return records
}

// enter lets the commit in, or says why it may not come in.
func (m *model) enter(t *rapid.T, e *entry) {
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
	case e.decided != nil && !slices.Equal(m.shown(e.stream), e.decided):
		require.ErrorIs(t, err, eventstore.ErrConflict,
			"Q2: %v was decided on %v, and it is not the end", e.events, e.decided)
		return
	}
	require.NoError(t, err)
	if e.decided != nil && m.beside(e.stream) == 0 { // Q5
		e.inLine = true
		m.lines[e.stream] = append(m.lines[e.stream], e)
	}
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
		bytes, records = bytes+int(e.size), records+len(e.events)
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

// store is what the owner does with the first commits that it has taken. Those that may be written
// are stored at once.
func (m *model) store(t *rapid.T) {
	all := m.in(taken)
	if len(all) == 0 {
		return
	}
	var writes []line.Answer
	for _, e := range all[:rapid.IntRange(1, len(all)).Draw(t, "commits")] {
		version := int64(len(m.log[e.stream]))
		if e.commit.RestsOnBroken() || !e.commit.Expected().Met(version) || e.disowned {
			err := e.commit.Conflict(version)
			m.breaks(e)
			m.told(e, eventstore.Result{}, err)
			m.queue.Answer(line.Answer{Commit: e.commit, Err: err})
			continue
		}
		if e.decided != nil {
			require.Equal(t, clone(m.log[e.stream]), e.decided,
				"Q4: what %v rests on is stored when it is written", e.events)
		}
		e.commit.PlaceAt(version + 1)
		m.log[e.stream] = append(m.log[e.stream], e.events...)
		if e.inLine {
			require.Same(t, e, m.lines[e.stream][0], "Q1 and Q2: the line is stored from its beginning on")
			m.lines[e.stream], e.inLine = m.lines[e.stream][1:], false
		}
		m.told(e, written(version+1, e.commit.Last()), nil)
		writes = append(writes, line.Answer{Commit: e.commit, Result: e.result})
	}
	m.queue.Answer(writes...)
}

// told notes the answer to an entry.
func (m *model) told(e *entry, r eventstore.Result, err error) {
	e.state, e.result, e.err = answered, r, err
}

// breaks is Q3: the entry will not be stored in its place, nor what is behind it in the line.
func (m *model) breaks(e *entry) {
	if !e.inLine {
		return
	}
	l := m.lines[e.stream]
	i := slices.Index(l, e)
	m.lines[e.stream] = l[:i]
	version := int64(len(m.shown(e.stream)))
	for _, b := range l[i:] {
		b.inLine, b.broken = false, true
		if b != e && b.state == waiting {
			m.told(b, eventstore.Result{}, b.commit.Conflict(version))
		}
	}
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
		result = eventstore.Result{Streams: written(1, 1).Streams, Repeated: true}
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
	m.breaks(e)
	m.queue.Disown(e.commit)
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

// written is the result of a commit to the one stream that it writes.
func written(first, last int64) eventstore.Result {
	return eventstore.Result{Streams: []eventstore.Written{{First: first, Last: last}}}
}
