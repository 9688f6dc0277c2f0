package line

import (
	"slices"

	"github.com/fencelog/fencelog/eventstore"
)

// line is what is queued for one stream.
type line struct {
	commits []*Commit
	beside  int // commits of the stream that are queued and not in commits
}

// place is where a commit that is not answered counts in the lines of its streams: in all of them,
// or beside all of them.
type place uint8

const (
	nowhere place = iota // not yet, or it is broken and will never be written
	inLine
	besideLine
)

// end returns the last commit of the line, or nil.
func (l *line) end() *Commit {
	if l == nil || len(l.commits) == 0 {
		return nil
	}
	return l.commits[len(l.commits)-1]
}

// lineOf returns the line of a stream, and makes it if there is none. q.mu is held.
func (q *Queue) lineOf(id string) *line {
	l := q.lines[id]
	if l == nil {
		l = &line{}
		q.lines[id] = l
	}
	return l
}

// forgetEmpty forgets the lines of the commit's streams for which nothing is queued. q.mu is held.
func (q *Queue) forgetEmpty(c *Commit) {
	for i := range c.parts {
		if l := q.lines[c.parts[i].ID]; l != nil && l.beside == 0 && len(l.commits) == 0 {
			delete(q.lines, c.parts[i].ID)
		}
	}
}

// Shown is what a queue shows of a stream.
type Shown struct {
	Commits [][]eventstore.Record // the stream's records of the line's commits, in order
	Last    *Commit               // of the line; nil if there is no line
	Beside  bool                  // something is queued for the stream that is not shown
}

// Shown returns the line of a stream behind a tip, without the commits that end at or before its
// version. It includes the last commit in any case. It reports false if the commit that the tip
// rests on is neither stored nor in the line any more.
func (q *Queue) Shown(after Tip) (s Shown, stands bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	aggregateID, from := after.ID, after.Version+1
	l := q.lines[aggregateID]
	s = Shown{Last: l.end(), Beside: l != nil && l.beside > 0}
	if on := after.Last; on != nil && !on.stored && on.place != inLine {
		return s, false
	}
	if s.Last == nil {
		return s, true
	}
	first := len(l.commits) - 1
	for first > 0 && l.commits[first].Part(aggregateID).First > from {
		first--
	}
	s.Commits = make([][]eventstore.Record, 0, len(l.commits)-first)
	for _, c := range l.commits[first:] {
		s.Commits = append(s.Commits, c.recordsOf(aggregateID))
	}
	return s, true
}

// Standing is what a queue knows of streams at one moment.
type Standing struct {
	Moved  *Tip  // the first tip that is not the end of its stream any more; nil if all are
	Actual int64 // the version that its stream has
	Beside bool  // something is queued for one of the streams that is not shown
}

// Stand looks whether all the streams stand at their tips at one moment of the call. It goes by
// what the queue and the index know.
//
// The index may hold commits that are not answered yet. So a stream that was read from the index
// may show one of them, and the line of another stream does not. Stand takes the latter for moved.
func (q *Queue) Stand(tips ...Tip) (s Standing, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.Moved, s.Actual, err = q.stand(tips); err != nil || s.Moved != nil {
		return s, err
	}
	for i := range tips {
		t := &tips[i]
		stored, err := q.cfg.Version(t.ID)
		if err != nil {
			return s, err
		}
		if stored > t.Version {
			return Standing{Moved: t, Actual: stored}, nil
		}
		l := q.lines[t.ID]
		s.Beside = s.Beside || l != nil && l.beside > 0
	}
	return s, nil
}

// stand returns the first tip that is not the end of its stream any more, and the version that the
// stream has. It goes by the commits that are shown. q.mu is held.
func (q *Queue) stand(tips []Tip) (moved *Tip, actual int64, err error) {
	for i := range tips {
		t := &tips[i]
		end, on := q.lines[t.ID].end(), t.Last
		if on != nil && on.stored {
			on = nil
		}
		actual := t.Version
		switch {
		case end != nil:
			actual = end.Part(t.ID).Last()
		case on == nil || on.broken:
			if actual, err = q.cfg.Version(t.ID); err != nil {
				return nil, 0, err
			}
		}
		if end != on || actual != t.Version {
			return t, actual, nil
		}
	}
	return nil, 0, nil
}

// admit finds the commit its place. q.mu is held.
func (q *Queue) admit(c *Commit) error {
	moved, actual, err := q.stand(c.tips)
	switch {
	case err != nil:
		return err
	case moved != nil:
		e := c.expectationOf(moved.ID)
		return &eventstore.ConflictError{Stream: e.Stream, Expected: e.Version, Actual: actual}
	}
	q.rest(c)
	if q.joins(c) {
		c.place = inLine
		c.Place(func(part int) int64 { return c.tipOf(c.parts[part].ID).Version })
		c.shown = true
	} else {
		c.place = besideLine
	}
	for i := range c.parts {
		l := q.lineOf(c.parts[i].ID)
		if c.place == inLine {
			l.commits = append(l.commits, c)
		} else {
			l.beside++
		}
	}
	q.noteCommand(c)
	return nil
}

// rest notes which commits the commit rests on, by its tips. q.mu is held.
func (q *Queue) rest(c *Commit) {
	c.on = c.oneOn[:0]
	for i := range c.tips {
		if on := c.tips[i].Last; on != nil && !on.stored && !slices.Contains(c.on, on) {
			c.on = append(c.on, on)
			on.carry(c)
		}
	}
}

// carry notes that another commit rests on this one. It forgets those that are over, so that those
// who gave up take no room while this one is under way. q.mu is held.
func (c *Commit) carry(other *Commit) {
	if len(c.behind) == cap(c.behind) {
		c.behind = slices.DeleteFunc(c.behind, func(d *Commit) bool { return d.state == commitAnswered })
		if len(c.behind) > cap(c.behind)/2 {
			c.behind = slices.Grow(c.behind, len(c.behind))
		}
	}
	c.behind = append(c.behind, other)
}

// joins reports whether the commit can stand in the lines of all streams that it writes to (Q5).
// q.mu is held.
func (q *Queue) joins(c *Commit) bool {
	for i := range c.parts {
		id := c.parts[i].ID
		if l := q.lines[id]; c.tipOf(id) == nil || l != nil && l.beside > 0 {
			return false
		}
	}
	return true
}

// tipOf returns the tip of a stream, or nil.
func (c *Commit) tipOf(id string) *Tip {
	for i := range c.tips {
		if c.tips[i].ID == id {
			return &c.tips[i]
		}
	}
	return nil
}

// finish answers a commit that does not wait any more. q.mu is held.
func (q *Queue) finish(c *Commit, r eventstore.Result, err error) {
	c.result, c.err = r, err
	c.state = commitAnswered
	switch {
	case c.place == besideLine:
		for i := range c.parts {
			q.lines[c.parts[i].ID].beside--
		}
	case c.place == inLine && err == nil && !r.Repeated && c.standsAt(r):
		c.stored = true
		for i := range c.parts {
			l := q.lines[c.parts[i].ID]
			l.commits[0] = nil // that is c: Q1
			l.commits = l.commits[1:]
		}
	case c.place == inLine:
		q.cut(c)
	}
	q.forgetEmpty(c)
	q.forgetCommand(c)
	c.place = nowhere
	c.letGo()
	close(c.done)
	q.free(c.size)
}

// letGo drops what the commit refers to: a commit that is over holds no others in memory.
func (c *Commit) letGo() {
	c.on, c.behind, c.tips, c.oneOn, c.oneTip = nil, nil, nil, [1]*Commit{}, [1]Tip{}
}

// standsAt reports whether the result has the commit where it was placed.
func (c *Commit) standsAt(r eventstore.Result) bool {
	if len(r.Streams) != len(c.parts) {
		return false
	}
	for i := range c.parts {
		if r.Streams[i].First != c.parts[i].First {
			return false
		}
	}
	return true
}

// Disown takes a commit that may still be stored, but not in its place, from the lines to their
// side.
func (q *Queue) Disown(c *Commit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.disown(c)
}

// Yield takes commits from the lines that have something else than these records in their place
// (Q7). The owner calls it before the index holds the records, which it has read.
func (q *Queue) Yield(stored []eventstore.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range stored {
		if c := q.inPlaceOf(&stored[i]); c != nil {
			q.disown(c)
		}
	}
}

// inPlaceOf returns the commit of a line that has something else in the place of the record, or
// nil. q.mu is held.
func (q *Queue) inPlaceOf(r *eventstore.Record) *Commit {
	l := q.lines[r.AggregateID]
	if l == nil {
		return nil
	}
	for _, c := range l.commits {
		p := c.Part(r.AggregateID)
		if r.AggregateVersion > p.Last() {
			continue
		}
		if at := r.AggregateVersion - p.First; at >= 0 && c.recordsOf(r.AggregateID)[at].ID == r.ID {
			return nil
		}
		return c
	}
	return nil
}

// disown is Disown. q.mu is held.
func (q *Queue) disown(c *Commit) {
	if c.place != inLine {
		return
	}
	for i := range c.parts { // before cut answers others, which may leave nothing else in the lines
		q.lines[c.parts[i].ID].beside++
	}
	q.cut(c)
	c.place = besideLine
}

// cut breaks the commit and all that rest on it, and answers those of them that wait (Q3). q.mu is
// held.
func (q *Queue) cut(c *Commit) {
	broken := restingOn(c)
	left := make(map[string]int64) // by stream: the version that its line has still
	for _, d := range broken {
		d.broken = true
		if d.place != inLine {
			continue
		}
		d.place = nowhere
		for _, p := range d.parts {
			l := q.lines[p.ID]
			if i := slices.Index(l.commits, d); i >= 0 { // all behind it are broken, too
				left[p.ID] = p.First - 1
				clear(l.commits[i:])
				l.commits = l.commits[:i]
			}
		}
	}
	for _, d := range broken {
		if d != c && d.state == commitWaiting && !q.cfg.KeepBroken {
			q.remove(d)
			e := d.BrokenTip()
			conflict := &eventstore.ConflictError{Stream: e.Stream, Expected: e.Version, Actual: left[e.Stream.ID]}
			q.finish(d, eventstore.Result{}, conflict)
		}
	}
}

// restingOn returns the commit, and all that rest on it or on one that does.
func restingOn(c *Commit) []*Commit {
	all, seen := []*Commit{c}, map[*Commit]bool{c: true}
	for i := 0; i < len(all); i++ {
		for _, d := range all[i].behind {
			if !seen[d] {
				seen[d] = true
				all = append(all, d)
			}
		}
	}
	return all
}
