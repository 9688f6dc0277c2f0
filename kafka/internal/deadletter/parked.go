package deadletter

import (
	"cmp"
	"maps"
	"slices"
)

// Parked is what of one partition is set aside for one handler.
//
// Invariants: while a key has letters, no event of it is handled but its first letter; a letter that was handled or discarded never
// comes back, whatever is written of it later.
type Parked struct {
	lanes    map[string]*Lane // by key; none is empty
	resolved offsets          // of the letters that were handled or discarded
	last     map[string]int64 // by key: the highest offset that ever was a letter's
}

// Lane is the letters of one key.
type Lane struct {
	Letters []Letter // by offset
	Redrive bool     // they are to be handled again, one after the other

	decided int64 // position of the entry that Redrive is from: of two, the later one holds, whichever is known first
}

func (l *Lane) decide(redrive bool, position int64) {
	if position >= l.decided {
		l.Redrive, l.decided = redrive, position
	}
}

// Letter is one event that is set aside.
type Letter struct {
	Offset   int64 // of the event
	Position int64 // of the letter in the dead-letter topic
	Dead     bool  // the handler failed; otherwise it waits behind one that is
}

// NewParked returns one in which nothing is set aside.
func NewParked() *Parked {
	return &Parked{lanes: make(map[string]*Lane), resolved: make(offsets), last: make(map[string]int64)}
}

// Clone returns a copy that shares nothing with p.
func (p *Parked) Clone() *Parked {
	c := &Parked{lanes: make(map[string]*Lane, len(p.lanes)), resolved: maps.Clone(p.resolved), last: maps.Clone(p.last)}
	for key, l := range p.lanes {
		c.lanes[key] = &Lane{Letters: slices.Clone(l.Letters), Redrive: l.Redrive, decided: l.decided}
	}
	return c
}

// Lane returns the letters of a key, or nil. They are read only.
func (p *Parked) Lane(key string) *Lane { return p.lanes[key] }

// Keys returns the keys that have letters, in order.
func (p *Parked) Keys() []string { return slices.Sorted(maps.Keys(p.lanes)) }

// Len returns the number of letters.
func (p *Parked) Len() int {
	n := 0
	for _, l := range p.lanes {
		n += len(l.Letters)
	}
	return n
}

// Resolved reports whether the event at the offset was a letter, and is done with.
func (p *Parked) Resolved(offset int64) bool {
	return p.resolved.has(offset)
}

// Holds reports whether the event of the key at the offset is set aside.
func (p *Parked) Holds(key string, offset int64) bool {
	return p.lanes[key].at(offset) >= 0
}

// Passed reports whether the event of the key at the offset is a letter or comes before one. Then it is handled or set aside: whoever
// sets an event aside has done so with all before it that it had not handled.
func (p *Parked) Passed(key string, offset int64) bool {
	last, ok := p.last[key]
	return ok && offset <= last
}

// Apply does what an entry tells.
func (p *Parked) Apply(e *Entry) {
	key := string(e.Key)
	l := p.lanes[key]
	switch e.Kind {
	case Dead, Waiting:
		p.add(key, Letter{Offset: e.Offset, Position: e.Position, Dead: e.Kind == Dead})
	case Redrive:
		if l != nil {
			l.decide(true, e.Position)
		}
	case Failed:
		if i := l.at(e.Offset); i >= 0 { // otherwise it was discarded meanwhile, and the rest goes on
			l.Letters[i].Dead = true
			l.decide(false, e.Position)
		}
	case Handled, Discarded:
		p.resolve(key, e.Offset, e.Position)
	}
}

func (p *Parked) add(key string, letter Letter) {
	p.last[key] = max(p.last[key], letter.Offset)
	if p.Resolved(letter.Offset) {
		return
	}
	l := p.lanes[key]
	if l == nil {
		l = &Lane{Redrive: !letter.Dead, decided: letter.Position} // what it waits for is done with meanwhile
		p.lanes[key] = l
	}
	i, found := l.search(letter.Offset)
	if found {
		l.Letters[i].Dead = l.Letters[i].Dead || letter.Dead
		return
	}
	l.Letters = slices.Insert(l.Letters, i, letter)
}

// resolve takes a letter out. If one goes that failed, and what is first now only waited for it, the rest may go on by itself.
func (p *Parked) resolve(key string, offset, position int64) {
	p.resolved.add(offset)
	l := p.lanes[key]
	if l == nil {
		return
	}
	switch i := l.at(offset); {
	case i == 0:
		l.Letters = l.Letters[1:] // a long lane is taken from its front
	case i > 0:
		l.Letters = slices.Delete(l.Letters, i, i+1)
	}
	switch {
	case len(l.Letters) == 0:
		delete(p.lanes, key)
	case !l.Letters[0].Dead:
		l.decide(true, position)
	}
}

func (l *Lane) at(offset int64) int {
	if l == nil {
		return -1
	}
	if i, found := l.search(offset); found {
		return i
	}
	return -1
}

func (l *Lane) search(offset int64) (int, bool) {
	return slices.BinarySearchFunc(l.Letters, offset, func(x Letter, offset int64) int { return cmp.Compare(x.Offset, offset) })
}
