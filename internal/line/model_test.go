package line_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// TestInvariants drives a queue at random, beside a model that says what Q1 to Q7 ask for.
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
		"read on":      m.readOn,
		"enter behind": m.enterBehind,
		"and behind":   m.enterBehind, // and again, for long lines
		"and more":     m.enterBehind,
		"and again":    m.enterBehind,
		"enter beside": m.enterBeside,
		"enter each":   m.enterEach,
		"take":         m.take,
		"store":        m.store,
		"refuse":       m.refuse,
		"disown":       m.disown,
		"yield":        m.yield,
		"withdraw":     m.withdraw,
		"leave":        m.leave,
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
	s, _ := m.queue.Shown(line.Tip{ID: id})
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
