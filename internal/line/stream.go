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

// place is where a commit that is not answered counts in its stream's line.
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

// Shown is what a queue shows of a stream.
type Shown struct {
	Commits [][]eventstore.Record // the records of the line's commits, in order
	Last    *Commit               // of the line; nil if there is no line
	Beside  bool                  // something is queued for the stream that is not shown
}

// Shown returns the line of a stream without the commits that end before version from. It includes
// the last commit in any case.
func (q *Queue) Shown(aggregateID string, from int64) Shown {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[aggregateID]
	s := Shown{Last: l.end(), Beside: l != nil && l.beside > 0}
	if s.Last == nil {
		return s
	}
	first := len(l.commits) - 1
	for first > 0 && l.commits[first].records[0].AggregateVersion > from {
		first--
	}
	s.Commits = make([][]eventstore.Record, 0, len(l.commits)-first)
	for _, c := range l.commits[first:] {
		s.Commits = append(s.Commits, c.records)
	}
	return s
}

// Of returns the commit in the stream's line that the command made, or nil.
func (q *Queue) Of(aggregateID, commandID string) *Commit {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[aggregateID]
	if l == nil {
		return nil
	}
	for _, c := range l.commits {
		if c.CommandID() == commandID {
			return c
		}
	}
	return nil
}

// admit finds the commit its place. q.mu is held.
func (q *Queue) admit(c *Commit) error {
	if c.on != nil && c.on.stored {
		c.on = nil
	}
	l := q.lines[c.stream.ID]
	if l == nil {
		l = &line{}
	}
	if c.tip {
		end := l.end()
		actual := int64(c.expected)
		var err error
		switch {
		case end != nil:
			actual = end.Last()
		case c.on == nil || c.on.broken:
			actual, err = q.cfg.Version(c.stream.ID)
		}
		if err != nil {
			return err
		}
		if end != c.on || actual != int64(c.expected) {
			return c.Conflict(actual)
		}
	}
	q.lines[c.stream.ID] = l
	if !c.tip || l.beside > 0 {
		c.place = besideLine
		l.beside++
		return nil
	}
	c.PlaceAt(int64(c.expected) + 1)
	c.place, c.shown = inLine, true
	l.commits = append(l.commits, c)
	return nil
}

// finish answers a commit that does not wait any more. q.mu is held.
func (q *Queue) finish(c *Commit, r eventstore.Result, err error) {
	c.result, c.err = r, err
	c.state = commitAnswered
	l := q.lines[c.stream.ID]
	switch {
	case c.place == besideLine:
		l.beside--
	case c.place == inLine && err == nil && !r.Repeated && r.First() == c.records[0].AggregateVersion:
		c.stored = true
		l.commits[0] = nil // that is c: Q1
		l.commits = l.commits[1:]
	case c.place == inLine:
		q.cut(l, c)
	}
	if l != nil && l.beside == 0 && len(l.commits) == 0 {
		delete(q.lines, c.stream.ID)
	}
	c.place, c.on = nowhere, nil
	close(c.done)
	q.free(c.size)
}

// Disown takes a commit that may still be stored, but not in its place, from the line to its side.
func (q *Queue) Disown(c *Commit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.place != inLine {
		return
	}
	l := q.lines[c.stream.ID]
	l.beside++ // before cut answers others, which may leave nothing else in the line
	q.cut(l, c)
	c.place = besideLine
}

// cut breaks the commit and all behind it in the line, and answers those of them that wait. q.mu is
// held.
func (q *Queue) cut(l *line, c *Commit) {
	i := slices.Index(l.commits, c)
	broken := slices.Clone(l.commits[i:])
	clear(l.commits[i:])
	l.commits = l.commits[:i]
	for _, d := range broken {
		d.broken, d.place = true, nowhere
	}
	actual := broken[0].records[0].AggregateVersion - 1
	for _, d := range broken {
		if d != c && d.state == commitWaiting && !q.cfg.KeepBroken {
			q.remove(d)
			q.finish(d, eventstore.Result{}, d.Conflict(actual))
		}
	}
}
