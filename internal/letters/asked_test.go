package letters_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// offsets is how many events the model knows. Their streams are stream(offset).
const offsets = 4

// model is what a log says of each event, worked out event by event from the whole log.
type model struct {
	log []letters.Entry
	of  [offsets]struct {
		open, dead, handled, discarded bool
		position                       int64 // of the letter
	}
}

func modelOf(log []letters.Entry) *model {
	m := &model{log: log}
	for _, e := range log {
		event := &m.of[e.Offset]
		switch e.Kind {
		case letters.Dead, letters.Waiting:
			if event.handled || event.discarded {
				break
			}
			if !event.open {
				event.open, event.dead, event.position = true, false, e.Position
			}
			event.dead = event.dead || e.Kind == letters.Dead
		case letters.Failed:
			event.dead = true
		case letters.Handled:
			event.handled, event.open = true, false
		case letters.Discarded:
			event.discarded, event.open = true, false
		case letters.Rewound:
			for i := e.Offset; i < offsets; i++ {
				m.of[i].handled = false
			}
		case letters.Redrive:
		}
	}
	return m
}

// lanes returns the offsets of the letters by key.
func (m *model) lanes(by subscription.Order) map[string][]int64 {
	lanes := make(map[string][]int64)
	for i, event := range m.of {
		if key := keysOf(int64(i)).In(by); event.open {
			lanes[key] = append(lanes[key], int64(i))
		}
	}
	return lanes
}

// wanted reports whether somebody asked for the first of the letters or for one behind it, after
// both were written. No redrive that covers what was asked for may have failed since.
func (m *model) wanted(lane []int64) bool {
	for _, r := range m.log {
		for _, offset := range lane {
			if r.Kind == letters.Redrive && covers(r, offset) && !m.failed(r, offset) &&
				r.Position > m.of[offset].position && r.Position > m.of[lane[0]].position {
				return true
			}
		}
	}
	return false
}

func (m *model) failed(since letters.Entry, offset int64) bool {
	for _, e := range m.log {
		if e.Kind == letters.Failed && e.Position > since.Position && covers(e, offset) {
			return true
		}
	}
	return false
}

// through is what [letters.Parked.DueThrough] must return.
func (m *model) through(lane []int64) int64 {
	through := int64(-1)
	for i, offset := range lane {
		if m.of[offset].dead && !m.wanted(lane[i:]) {
			break
		}
		through = offset
	}
	return through
}

func covers(e letters.Entry, offset int64) bool {
	return e.Keys().In(e.Order) == keysOf(offset).In(e.Order)
}

func keysOf(offset int64) letters.Key { return letters.Key{Stream: stream(offset), Partition: "k"} }

// drawLog draws a log in which each event is a letter before anything else is told of it.
func drawLog(t *rapid.T) []letters.Entry {
	orders := rapid.SampledFrom([]subscription.Order{byStream, byKey})
	var notes []note
	var known [offsets]bool
	for range rapid.IntRange(1, 40).Draw(t, "entries") {
		n := note{order: orders.Draw(t, "order"), offset: rapid.Int64Range(0, offsets-1).Draw(t, "offset")}
		kinds := []letters.Kind{letters.Dead, letters.Dead, letters.Waiting}
		if known[n.offset] {
			kinds = []letters.Kind{
				letters.Dead, letters.Waiting, letters.Redrive, letters.Redrive, letters.Failed,
				letters.Handled, letters.Handled, letters.Discarded, letters.Rewound,
			}
		}
		n.kind = rapid.SampledFrom(kinds).Draw(t, "kind")
		known[n.offset] = true
		notes = append(notes, n)
	}
	return log(notes...)
}

// A letter is handled again if it only waited, or if somebody asked for it. It makes no difference
// when somebody looks, in which order the process hands out events, or which one others had.
func TestOnlyWhatSomebodyAskedForIsDue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := drawLog(t)
		streams, keys := letters.NewParked(byStream), letters.NewParked(byKey)
		var ledger letters.Ledger
		today := byStream
		for i, e := range all {
			streams.Apply(&e)
			keys.Apply(&e)
			ledger.Learn(e)
			if e.Kind.Whole() || e.Kind == letters.Failed || e.Kind == letters.Handled {
				today = e.Order
			}
			m := modelOf(all[:i+1])
			for by, p := range map[subscription.Order]*letters.Parked{byStream: streams, byKey: keys} {
				lanes := m.lanes(by)
				require.Len(t, p.Keys(), len(lanes))
				for key, lane := range lanes {
					require.Equal(t, lane, offsetsOf(p.Lane(key)))
					through := m.through(lane)
					require.Equal(t, through >= 0, p.Due(key), "%s %s: %v", by, key, lane)
					require.Equal(t, through, p.DueThrough(key), "%s %s: %v", by, key, lane)
				}
			}
			lanes := m.lanes(today)
			for _, l := range ledger.List("") {
				require.Equal(t, l.ID.Offset <= m.through(lanes[l.Key]), l.Redrive, "%s: %d", today, l.ID.Offset)
			}
		}
	})
}

// It makes no difference either in which order a process learns of letters, requests and ends.
func TestTheOrderOfLearningMakesNoDifference(t *testing.T) {
	t.Parallel()
	const dead, redrive, handled = letters.Dead, letters.Redrive, letters.Handled
	for _, c := range []struct {
		log []note
		due bool
	}{
		{[]note{{byStream, dead, 4}, {byStream, dead, 5}, {byStream, redrive, 5}}, true},
		{[]note{{byStream, dead, 4}, {byStream, dead, 5}, {byStream, redrive, 5}, {byStream, dead, 5}}, true},
		{[]note{{byStream, dead, 4}, {byStream, dead, 5}, {byStream, redrive, 5}, {byStream, handled, 5}}, false},
		{[]note{{byStream, dead, 5}, {byStream, redrive, 5}, {byStream, dead, 4}, {byStream, dead, 4}}, false},
	} {
		rapid.Check(t, func(t *rapid.T) { // of few permutations, so that it comes to all
			p := letters.NewParked(byKey)
			for _, e := range rapid.Permutation(log(c.log...)).Draw(t, "learned") {
				p.Apply(&e)
				p.Due("k")
			}
			require.Equal(t, c.due, p.Due("k"))
		})
	}
}

func offsetsOf(lane letters.Lane) []int64 {
	var all []int64
	for _, l := range lane {
		all = append(all, l.Offset)
	}
	return all
}
