package letters

import (
	"cmp"
	"maps"
	"slices"

	"github.com/fencelog/fencelog/eventstore/subscription"
)

// Parked is the events of one partition that are set aside for one handler. Keys are those of one
// order, in which the handler's process hands out events. Entries may have been written in the
// other order:
//
//   - Letters are divided by their keys in this order, whatever theirs is.
//   - A letter says that events before it are done: those of its key in its own order.
//   - A request asks for the letters of its key in its own order that were written before it. It
//     does so until they are done with, or a redrive that covers them fails.
//   - While a request asks for a letter, it also asks for those before that letter in this order,
//     if they were written before the request.
//
// Invariants:
//
//   - While a key has letters, the handler gets the first one, and events of the key before it. It
//     gets nothing of the key behind it.
//   - A letter that was handled or discarded never comes back, whatever is written of it later,
//     unless somebody sets the group's offset back.
//   - The outcome does not depend on the order in which entries are applied, or on how often.
//     A process knows what it wrote before it knows what others wrote earlier. Rewound is the
//     exception: the next member writes it, and reads it, before it handles anything.
type Parked struct {
	order     subscription.Order
	lanes     map[string]Lane   // by key; none is empty
	handled   offsets           // of the letters that were handled
	discarded offsets           // of the letters that were given up
	last      map[scope]int64   // the highest offset that ever was a letter's since the group's offset was set
	requests  map[scope]request // also of one whose letters are not known yet
	newest    map[string]int64  // by key: what newestOf returned, while it holds
}

// request is the positions of the last entries of a scope that ask for a redrive, and that end one.
type request struct{ asked, failed int64 }

// Lane is the letters of one key, by offset.
type Lane []Letter

// Letter is one event that is set aside.
type Letter struct {
	Key      Key
	Offset   int64 // of the event
	Position int64 // of the letter in the log; the first one, if it was written again
	Dead     bool  // the handler failed; otherwise it waits behind one that is
}

// NewParked returns one in which nothing is set aside. Its keys are those of the order.
func NewParked(order subscription.Order) *Parked {
	return &Parked{
		order: order, lanes: make(map[string]Lane), handled: make(offsets), discarded: make(offsets),
		last: make(map[scope]int64), requests: make(map[scope]request), newest: make(map[string]int64),
	}
}

// Clone returns a copy that shares nothing with p.
func (p *Parked) Clone() *Parked {
	c := &Parked{
		order: p.order, lanes: make(map[string]Lane, len(p.lanes)),
		handled: maps.Clone(p.handled), discarded: maps.Clone(p.discarded),
		last: maps.Clone(p.last), requests: maps.Clone(p.requests), newest: make(map[string]int64),
	}
	for key, l := range p.lanes {
		c.lanes[key] = slices.Clone(l)
	}
	return c
}

// reorder divides the letters by their keys in another order.
func (p *Parked) reorder(order subscription.Order) {
	if p.order == order {
		return
	}
	p.order = order
	clear(p.newest)
	lanes := p.lanes
	p.lanes = make(map[string]Lane)
	for _, l := range lanes {
		for _, letter := range l {
			key := letter.Key.In(order)
			p.lanes[key] = append(p.lanes[key], letter)
		}
	}
	for _, l := range p.lanes {
		slices.SortFunc(l, func(a, b Letter) int { return cmp.Compare(a.Offset, b.Offset) })
	}
}

// Lane returns the letters of a key, or nil. They are read only.
func (p *Parked) Lane(key string) Lane { return p.lanes[key] }

// Keys returns the keys that have letters, in order.
func (p *Parked) Keys() []string { return slices.Sorted(maps.Keys(p.lanes)) }

// Due reports whether the first letter of the key is to be handled again. It is if somebody asked
// for it, or for one behind it, and that request is open. It is, too, if it only waited behind
// others, which are done with.
func (p *Parked) Due(key string) bool {
	l := p.lanes[key]
	if l == nil {
		return false
	}
	first := l[0]
	return first.due(p.request(first)) || first.due(p.newestOf(key)) // mostly it needs no look at the others
}

// DueThrough returns the offset of the last letter of the key that is to be handled again if the
// handler succeeds with those before it. It returns -1 if none is.
func (p *Parked) DueThrough(key string) int64 {
	l := p.lanes[key]
	newest := make([]int64, len(l)+1) // by letter: the last open request for it or one behind it
	for i := len(l) - 1; i >= 0; i-- {
		newest[i] = max(newest[i+1], p.request(l[i]))
	}
	through := int64(-1)
	for i := 0; i < len(l) && l[i].due(newest[i]); i++ {
		through = l[i].Offset
	}
	return through
}

// due reports whether the letter is to be handled again once it is the first of its key. request is
// the position of the last open request for it or one behind it.
func (l Letter) due(request int64) bool { return !l.Dead || request > l.Position }

// request returns the position of the open request that asks for the letter itself, or 0.
func (p *Parked) request(l Letter) int64 {
	var last request
	for _, s := range l.Key.scopes() {
		r := p.requests[s]
		last.asked, last.failed = max(last.asked, r.asked), max(last.failed, r.failed)
	}
	if last.asked > max(l.Position, last.failed) {
		return last.asked
	}
	return 0
}

// newestOf returns the position of the last open request that asks for any letter of the key, or 0.
// It remembers that, as a lane may be long.
func (p *Parked) newestOf(key string) int64 {
	newest, known := p.newest[key]
	if !known {
		for _, l := range p.lanes[key] {
			newest = max(newest, p.request(l))
		}
		p.newest[key] = newest
	}
	return newest
}

// Len returns the number of letters.
func (p *Parked) Len() int {
	n := 0
	for _, l := range p.lanes {
		n += len(l)
	}
	return n
}

// Resolved reports whether the event at the offset was a letter, and is done with.
func (p *Parked) Resolved(offset int64) bool {
	return p.handled.has(offset) || p.discarded.has(offset)
}

// Holds reports whether the event of the key at the offset is set aside.
func (p *Parked) Holds(key string, offset int64) bool {
	return p.lanes[key].at(offset) >= 0
}

// Passed reports whether the event of the keys at the offset is a letter or comes before one. That
// letter has the event's key in the order in which it was set aside. Then the event is handled or
// set aside. A process that sets an event aside has first set aside all before it, of the key in
// its order, that it had not handled.
func (p *Parked) Passed(k Key, offset int64) bool {
	for _, s := range k.scopes() {
		if last, ok := p.last[s]; ok && offset <= last {
			return true
		}
	}
	return false
}

// Apply does what an entry tells.
func (p *Parked) Apply(e *Entry) {
	keys, about := e.Keys(), e.scope()
	key := keys.In(p.order)
	switch r := p.requests[about]; e.Kind {
	case Dead, Waiting:
		p.last[about] = max(p.last[about], e.Offset)
		p.add(key, Letter{Key: keys, Offset: e.Offset, Position: e.Position, Dead: e.Kind == Dead})
	case Redrive:
		r.asked = max(r.asked, e.Position)
		p.requests[about] = r
		clear(p.newest) // it may be about many keys
	case Failed:
		r.failed = max(r.failed, e.Position)
		p.requests[about] = r
		clear(p.newest)
		l := p.lanes[key]
		if i := l.at(e.Offset); i >= 0 { // otherwise it was discarded meanwhile, and the rest goes on
			l[i].Dead = true
		}
	case Handled:
		p.handled.add(e.Offset)
		p.take(key, e.Offset)
	case Discarded:
		p.discarded.add(e.Offset)
		p.take(key, e.Offset)
	case Rewound:
		p.Rewind(e.Offset)
	}
}

// Rewind forgets what was handled from an offset on, as the group's offset was set to it. Letters
// that are set aside stay so, and what was given up stays given up.
func (p *Parked) Rewind(from int64) {
	p.handled.cut(from)
	maps.DeleteFunc(p.last, func(_ scope, last int64) bool { return last >= from })
}

// KnowsFrom reports whether any letter from an offset on was ever known, so that [Parked.Rewind]
// changes something.
func (p *Parked) KnowsFrom(from int64) bool {
	for _, last := range p.last {
		if last >= from {
			return true
		}
	}
	return false
}

func (p *Parked) add(key string, letter Letter) {
	if p.Resolved(letter.Offset) {
		return
	}
	l := p.lanes[key]
	i, found := l.search(letter.Offset)
	if found {
		known := &l[i]
		known.Dead, known.Position = known.Dead || letter.Dead, min(known.Position, letter.Position)
		p.changed(key, *known)
		return
	}
	if i > 0 && l[i-1].Key == letter.Key {
		letter.Key = l[i-1].Key // so that a long lane of one stream has its id once
	}
	p.lanes[key] = slices.Insert(l, i, letter)
	p.changed(key, letter)
}

// changed forgets what newestOf returned for the key if the letter counts in it. A letter that no
// open request asks for does not.
func (p *Parked) changed(key string, l Letter) {
	if p.request(l) > 0 {
		delete(p.newest, key)
	}
}

// take takes a letter out.
func (p *Parked) take(key string, offset int64) {
	l := p.lanes[key]
	i := l.at(offset)
	if i < 0 {
		return
	}
	p.changed(key, l[i])
	switch {
	case len(l) == 1:
		delete(p.lanes, key)
		delete(p.newest, key)
	case i == 0:
		p.lanes[key] = l[1:] // a long lane is taken from its front
	default:
		p.lanes[key] = slices.Delete(l, i, i+1)
	}
}

func (l Lane) at(offset int64) int {
	if i, found := l.search(offset); found {
		return i
	}
	return -1
}

func (l Lane) search(offset int64) (int, bool) {
	return slices.BinarySearchFunc(l, offset, func(x Letter, offset int64) int { return cmp.Compare(x.Offset, offset) })
}
