package kafka

import (
	"cmp"
	"slices"

	"github.com/fencelog/fencelog/kafka/internal/deadletter"
)

// ledger is what the dead-letter topic says of the letters that are open, up to an offset.
type ledger struct {
	next  int64
	lanes map[deadletter.ID]*lane // by handler, topic and partition
}

// lane is the letters of one handler and partition.
type lane struct {
	parked *deadletter.Parked
	open   map[int64]*DeadLetter // by the event's offset
	traces map[int64][]trace     // of these
	asked  map[string][]trace    // requests, by key, of keys that have letters
}

// trace is one thing that happened to a letter, and where the topic says so.
type trace struct {
	DeadLetterTrace

	position int64
}

func traceIn(e *deadletter.Entry) trace {
	return trace{DeadLetterTrace{At: e.At, What: string(e.Kind), Note: e.Note, Attempts: e.Attempts}, e.Position}
}

// of names the lane of a letter.
func of(id DeadLetterID) deadletter.ID {
	return deadletter.ID{Handler: id.Handler, Topic: id.Topic, Partition: id.Partition}
}

// learn does what the next entry of the topic tells.
func (g *ledger) learn(e deadletter.Entry) {
	where := of(DeadLetterID(e.ID))
	l := g.lanes[where]
	if l == nil {
		l = &lane{
			parked: deadletter.NewParked(), open: make(map[int64]*DeadLetter),
			traces: make(map[int64][]trace), asked: make(map[string][]trace),
		}
		g.lanes[where] = l
	}
	l.learn(&e)
}

func (l *lane) learn(e *deadletter.Entry) {
	key := string(e.Key)
	l.parked.Apply(e)
	known := l.open[e.Offset]
	switch e.Kind {
	case deadletter.Dead, deadletter.Waiting:
		if !l.parked.Holds(key, e.Offset) {
			return // it was resolved before
		}
		if known == nil {
			l.open[e.Offset] = &DeadLetter{
				ID: DeadLetterID(e.ID), Key: key, Waiting: e.Kind == deadletter.Waiting, Error: e.Note,
				Attempts: e.Attempts, First: e.First, Last: e.Last, At: e.At, SchemaID: e.SchemaID(), position: e.Position,
			}
		}
		l.traces[e.Offset] = append(l.traces[e.Offset], traceIn(e))
	case deadletter.Failed:
		if known != nil {
			known.Waiting, known.Error, known.Attempts, known.First, known.Last = false, e.Note, e.Attempts, e.First, e.Last
			l.traces[e.Offset] = append(l.traces[e.Offset], traceIn(e))
		}
	case deadletter.Redrive:
		if l.parked.Lane(key) != nil {
			l.asked[key] = append(l.asked[key], traceIn(e))
		}
	case deadletter.Handled, deadletter.Discarded:
		delete(l.open, e.Offset)
		delete(l.traces, e.Offset)
		if l.parked.Lane(key) == nil {
			delete(l.asked, key)
		}
	case deadletter.Rewound: // what is set aside stays so
	}
}

// list returns the open letters, in no order.
func (l *lane) list() []DeadLetter {
	all := make([]DeadLetter, 0, len(l.open))
	for _, one := range l.open {
		letter := *one
		letter.Redrive = l.parked.Due(letter.Key)
		all = append(all, letter)
	}
	return all
}

// tracesOf returns what happened to the open letter of an offset, in the order of the topic.
func (l *lane) tracesOf(offset int64) []DeadLetterTrace {
	letter := l.open[offset]
	all := slices.Clone(l.traces[offset])
	for _, t := range l.asked[letter.Key] {
		if t.position > letter.position {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b trace) int { return cmp.Compare(a.position, b.position) })
	found := make([]DeadLetterTrace, len(all))
	for i, t := range all {
		found[i] = t.DeadLetterTrace
	}
	return found
}
