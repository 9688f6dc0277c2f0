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
//   - A request asks for the letters of its key in its own order. It also asks for those that come
//     before them in this order.
//
// Invariants:
//
//   - While a key has letters, no event of it is handled but its first letter.
//   - A letter that was handled or discarded never comes back, whatever is written of it later,
//     unless somebody sets the group's offset back.
//   - The outcome does not depend on the order in which entries are applied, or on how often.
//     A process knows what it wrote before it knows what others wrote earlier. Rewound is the
//     exception: the next member writes it, and reads it, before it handles anything.
type Parked struct {
	order     subscription.Order
	lanes     map[string]Lane     // by key; none is empty
	handled   offsets             // of the letters that were handled
	discarded offsets             // of the letters that were given up
	last      map[scope]int64     // the highest offset that ever was a letter's since the group's offset was set
	requests  map[scope]request   // also of one whose letters are not known yet
	asked     map[string][]string // by partition key: the streams that were asked for by stream
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
		last: make(map[scope]int64), requests: make(map[scope]request), asked: make(map[string][]string),
	}
}

// Clone returns a copy that shares nothing with p.
func (p *Parked) Clone() *Parked {
	c := &Parked{
		order: p.order, lanes: make(map[string]Lane, len(p.lanes)),
		handled: maps.Clone(p.handled), discarded: maps.Clone(p.discarded),
		last: maps.Clone(p.last), requests: maps.Clone(p.requests), asked: make(map[string][]string, len(p.asked)),
	}
	for key, l := range p.lanes {
		c.lanes[key] = slices.Clone(l)
	}
	for key, streams := range p.asked {
		c.asked[key] = slices.Clone(streams)
	}
	return c
}

// reorder divides the letters by their keys in another order.
func (p *Parked) reorder(order subscription.Order) {
	if p.order == order {
		return
	}
	p.order = order
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
// for it after it was written and after the last redrive failed that covers it. It is, too, if it
// only waited behind others, which are done with.
func (p *Parked) Due(key string) bool {
	l := p.lanes[key]
	return l != nil && (!l[0].Dead || p.asks(l[0]))
}

// asks reports whether a request for the first letter of a key is open.
func (p *Parked) asks(first Letter) bool {
	all := p.requests[scope{subscription.ByPartitionKey, first.Key.Partition}]
	ended := max(first.Position, all.failed)
	if p.order == subscription.ByPartitionKey {
		return all.asked > ended || slices.ContainsFunc(p.asked[first.Key.Partition], func(stream string) bool {
			one := p.requests[scope{subscription.ByStream, stream}]
			return one.asked > max(ended, one.failed)
		})
	}
	one := p.requests[scope{subscription.ByStream, first.Key.Stream}]
	return max(one.asked, all.asked) > max(ended, one.failed)
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
		if about.order == subscription.ByStream && !slices.Contains(p.asked[keys.Partition], keys.Stream) {
			p.asked[keys.Partition] = append(p.asked[keys.Partition], keys.Stream)
		}
		r.asked = max(r.asked, e.Position)
		p.requests[about] = r
	case Failed:
		r.failed = max(r.failed, e.Position)
		p.requests[about] = r
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
		return
	}
	if i > 0 && l[i-1].Key == letter.Key {
		letter.Key = l[i-1].Key // so that a long lane of one stream has its id once
	}
	p.lanes[key] = slices.Insert(l, i, letter)
}

// take takes a letter out.
func (p *Parked) take(key string, offset int64) {
	l := p.lanes[key]
	switch i := l.at(offset); {
	case i < 0:
	case len(l) == 1:
		delete(p.lanes, key)
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
