package letters

import (
	"cmp"
	"maps"
	"slices"
)

// Parked is the events of one partition that are set aside for one handler.
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
	lanes     map[string]Lane    // by key; none is empty
	handled   offsets            // of the letters that were handled
	discarded offsets            // of the letters that were given up
	last      map[string]int64   // by key: the highest offset that ever was a letter's since the group's offset was set
	requests  map[string]request // by key, also of one whose letters are not known yet
}

// request is the positions of the last entries of a key that ask for a redrive, and that end one.
type request struct{ asked, failed int64 }

// Lane is the letters of one key, by offset.
type Lane []Letter

// Letter is one event that is set aside.
type Letter struct {
	Offset   int64 // of the event
	Position int64 // of the letter in the log; the first one, if it was written again
	Dead     bool  // the handler failed; otherwise it waits behind one that is
}

// NewParked returns one in which nothing is set aside.
func NewParked() *Parked {
	return &Parked{
		lanes: make(map[string]Lane), handled: make(offsets), discarded: make(offsets),
		last: make(map[string]int64), requests: make(map[string]request),
	}
}

// Clone returns a copy that shares nothing with p.
func (p *Parked) Clone() *Parked {
	c := &Parked{
		lanes: make(map[string]Lane, len(p.lanes)), handled: maps.Clone(p.handled), discarded: maps.Clone(p.discarded),
		last: maps.Clone(p.last), requests: maps.Clone(p.requests),
	}
	for key, l := range p.lanes {
		c.lanes[key] = slices.Clone(l)
	}
	return c
}

// Lane returns the letters of a key, or nil. They are read only.
func (p *Parked) Lane(key string) Lane { return p.lanes[key] }

// Keys returns the keys that have letters, in order.
func (p *Parked) Keys() []string { return slices.Sorted(maps.Keys(p.lanes)) }

// Due reports whether the first letter of the key is to be handled again. It is if somebody asked
// for the key after the letter was written and after the last redrive of the key failed. It is,
// too, if it only waited behind others, which are done with.
func (p *Parked) Due(key string) bool {
	l := p.lanes[key]
	if l == nil {
		return false
	}
	first, r := l[0], p.requests[key]
	return !first.Dead || r.asked > max(first.Position, r.failed)
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

// Passed reports whether the event of the key at the offset is a letter or comes before one. Then
// it is handled or set aside. A process that sets an event aside has first set aside all before it
// that it had not handled.
func (p *Parked) Passed(key string, offset int64) bool {
	last, ok := p.last[key]
	return ok && offset <= last
}

// Apply does what an entry tells.
func (p *Parked) Apply(e *Entry) {
	key := string(e.Key)
	switch r := p.requests[key]; e.Kind {
	case Dead, Waiting:
		p.add(key, Letter{Offset: e.Offset, Position: e.Position, Dead: e.Kind == Dead})
	case Redrive:
		r.asked = max(r.asked, e.Position)
		p.requests[key] = r
	case Failed:
		r.failed = max(r.failed, e.Position)
		p.requests[key] = r
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
	maps.DeleteFunc(p.last, func(_ string, last int64) bool { return last >= from })
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
	p.last[key] = max(p.last[key], letter.Offset)
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
