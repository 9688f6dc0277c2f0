package letters

import (
	"cmp"
	"slices"
	"time"

	"github.com/fencelog/fencelog/eventstore/subscription"
)

// Ledger is what the log says of the letters that are open, without their events. It takes the
// order of a handler from the last entry that the handler's process wrote about the partition. A
// zero Ledger knows nothing.
type Ledger struct {
	lanes map[subscription.LetterID]*lane // by handler, topic and partition
}

// lane is the letters of one handler and partition.
type lane struct {
	parked *Parked
	open   map[int64]*Open    // by the event's offset
	traces map[int64][]placed // of these
	number map[scope]int      // of these
	asked  map[scope][]placed // requests of scopes that have letters
}

// Open is a letter that is neither handled nor discarded.
type Open struct {
	subscription.Letter

	Keys     Key
	Order    subscription.Order // in which the handler's process hands out events
	Position int64              // of the entry that carries the event
}

// Request returns the entry by which somebody asks for something about the letter.
func (o *Open) Request(kind Kind, at time.Time, reason string) *Entry {
	return &Entry{
		LetterID: o.ID, Kind: kind, Key: []byte(o.Keys.Stream), PartitionKey: o.Keys.Partition, Order: o.Order,
		At: at, Note: reason,
	}
}

// placed is one thing that happened to a letter, and where the log says so.
type placed struct {
	subscription.Trace

	position int64
}

// laneOf names the lane of a letter.
func laneOf(id subscription.LetterID) subscription.LetterID {
	id.Offset = 0
	return id
}

// Learn does what the next entry of the log tells.
func (g *Ledger) Learn(e Entry) {
	if g.lanes == nil {
		g.lanes = make(map[subscription.LetterID]*lane)
	}
	where := laneOf(e.LetterID)
	l := g.lanes[where]
	if l == nil {
		l = &lane{
			parked: NewParked(subscription.ByStream), open: make(map[int64]*Open),
			traces: make(map[int64][]placed), number: make(map[scope]int), asked: make(map[scope][]placed),
		}
		g.lanes[where] = l
	}
	l.learn(&e)
}

// List returns the open letters of the handler, or of all handlers if it is empty, in the order of
// the log.
func (g *Ledger) List(handler string) []subscription.Letter {
	var open []Open
	for where, l := range g.lanes {
		if handler == "" || where.Handler == handler {
			open = l.appendTo(open)
		}
	}
	slices.SortFunc(open, func(a, b Open) int { return cmp.Compare(a.Position, b.Position) })
	all := make([]subscription.Letter, len(open))
	for i, one := range open {
		all[i] = one.Letter
	}
	return all
}

// Find returns an open letter, and what happened to it in the order of the log; nil if there is
// none.
func (g *Ledger) Find(id subscription.LetterID) (*Open, []subscription.Trace) {
	l := g.lanes[laneOf(id)]
	if l == nil || l.open[id.Offset] == nil {
		return nil, nil
	}
	found := l.letter(l.open[id.Offset], l.parked.DueThrough)
	return &found, l.tracesOf(id.Offset)
}

func (l *lane) learn(e *Entry) {
	keys := e.Keys()
	if e.Kind.handlers() {
		l.parked.reorder(e.Order)
	}
	l.parked.Apply(e)
	known := l.open[e.Offset]
	trace := placed{e.trace(), e.Position}
	switch e.Kind {
	case Dead, Waiting:
		if !l.parked.Holds(keys.In(l.parked.order), e.Offset) {
			return // it was resolved before
		}
		if known == nil {
			l.open[e.Offset] = newOpen(e)
			l.count(keys, 1)
		}
		l.traces[e.Offset] = append(l.traces[e.Offset], trace)
	case Failed:
		if known != nil {
			known.Waiting, known.Error, known.Attempts, known.First, known.Last = false, e.Note, e.Attempts, e.First,
				e.Last
			l.traces[e.Offset] = append(l.traces[e.Offset], trace)
		}
	case Redrive:
		if about := e.scope(); l.number[about] > 0 {
			l.asked[about] = append(l.asked[about], trace)
		}
	case Handled, Discarded:
		if known != nil {
			delete(l.open, e.Offset)
			delete(l.traces, e.Offset)
			l.count(known.Keys, -1)
		}
	case Rewound: // what is set aside stays so
	}
}

// count notes that there is a letter more, or less.
func (l *lane) count(k Key, more int) {
	for _, s := range k.scopes() {
		if l.number[s] += more; l.number[s] == 0 {
			delete(l.number, s)
			delete(l.asked, s)
		}
	}
}

func newOpen(e *Entry) *Open {
	return &Open{
		Letter: subscription.Letter{
			ID: e.LetterID, AggregateID: string(e.Key), Waiting: e.Kind == Waiting, Error: e.Note,
			Attempts: e.Attempts, First: e.First, Last: e.Last, At: e.At, SchemaID: e.SchemaID(),
		},
		Keys: e.Keys(), Position: e.Position,
	}
}

// appendTo appends the open letters, in no order.
func (l *lane) appendTo(all []Open) []Open {
	known := make(map[string]int64)
	through := func(key string) int64 {
		last, ok := known[key]
		if !ok {
			last = l.parked.DueThrough(key)
			known[key] = last
		}
		return last
	}
	for _, one := range l.open {
		all = append(all, l.letter(one, through))
	}
	return all
}

// letter returns an open letter with what the lane as a whole says of it. through is
// [Parked.DueThrough].
func (l *lane) letter(one *Open, through func(key string) int64) Open {
	letter := *one
	letter.Order = l.parked.order
	letter.Key = letter.Keys.In(letter.Order)
	letter.Redrive = letter.ID.Offset <= through(letter.Key)
	return letter
}

// tracesOf returns what happened to the open letter of an offset, in the order of the log.
func (l *lane) tracesOf(offset int64) []subscription.Trace {
	letter := l.open[offset]
	all := slices.Clone(l.traces[offset])
	for _, s := range letter.Keys.scopes() {
		for _, t := range l.asked[s] {
			if t.position > letter.Position {
				all = append(all, t)
			}
		}
	}
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.position, b.position) })
	found := make([]subscription.Trace, len(all))
	for i, t := range all {
		found[i] = t.Trace
	}
	return found
}
