package partition

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// queue holds the commits of one partition from when they enter until they are answered.
//
// Some of a stream's commits are its line: they came by [Tip.Append], each right behind the one before, the first one behind
// what is stored, while nothing else was queued for the stream. Where they will be stored is known, if they will be. So
// they are shown to others, who decide on them and join the line.
//
//	Q1  Commits are taken, and written, in the order in which they entered.
//	Q2  A line has no gap: the first commit follows the stored end of the stream, each other one the commit before it.
//	Q3  A commit of the line that will not be stored in its place (withdrawn, refused, a repeated command, lost) is
//	    broken, and with it all behind it, before anybody learns of it: they leave the line together. That
//	    another commit may take its version does not matter, for it is not what the decisions rested on.
//	Q4  A commit that rests on a broken one is never written. The owner looks just before it writes; by then it has taken
//	    what the commit rests on (Q1), so nobody else can break that any more.
//	Q5  What is queued beside the line (by Append, or behind such a commit) is never shown, as where it will be stored is known
//	    only when it is written. While there is such a commit, the line does not grow: Q2 would not hold.
//	Q6  A commit leaves the line, stored, only after the index holds it: what is shown has no hole between index and line.
type queue struct {
	maxCommits int
	maxBytes   int64
	version    func(aggregateID string) (int64, error) // of the stream, as stored
	keepBroken bool                                    // the proof wants to see that Q4 matters

	wake chan struct{} // has an element if commits, or questions, may have begun to wait

	mu          sync.Mutex
	first, last *commit // those that wait
	waiting     int     // how many
	bytes       int64   // of those that are not answered
	outside     list.List
	lines       map[string]*line // of the streams with commits that are not answered
	stopped     error            // why nothing enters any more
	expected    int              // how many must wait before full is closed
	full        chan struct{}    // nil unless somebody expects them
}

// line is what is queued for one stream.
type line struct {
	commits []*commit
	beside  int // commits of the stream that are queued and not in commits
}

// place is where a commit that is not answered counts in its stream's line.
type place uint8

const (
	nowhere place = iota // not yet, or it is broken and will never be written
	inLine
	besideLine
)

func newQueue(cfg Config) *queue {
	return &queue{
		maxCommits: cfg.MaxWaiting, maxBytes: cfg.MaxWaitingBytes, version: cfg.Index.Version, keepBroken: cfg.Broken.KeepDecisions,
		wake: make(chan struct{}, 1), lines: make(map[string]*line),
	}
}

// reserve waits for room for a commit, which whoever got it must enter. It fails if ctx ends before, or if the queue is stopped.
func (q *queue) reserve(ctx context.Context, size int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.awaitRoom(ctx, size)
}

// enter lets in a commit that has room. It fails if the queue was stopped meanwhile, or with a *ConflictError if
// the commit came by a tip behind which there is something else by now.
func (q *queue) enter(c *commit) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.stopped
	if err == nil {
		err = q.admit(c)
	}
	if err != nil {
		q.waiting--
		q.free(c.size)
		return err
	}
	if c.prev = q.last; q.last == nil {
		q.first = c
	} else {
		q.last.next = c
	}
	q.last = c
	if q.full != nil && q.waiting >= q.expected {
		close(q.full)
		q.full = nil
	}
	q.knock()
	return nil
}

// knock wakes the owner, who looks for what there is to do.
func (q *queue) knock() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// postpone makes the events of a commit, which others may be reading, no earlier than the time.
func (q *queue) postpone(c *commit, t time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.shown {
		c.records = slices.Clone(c.records)
	}
	c.notBefore(t)
}

// admit finds the commit its place. q.mu is held.
func (q *queue) admit(c *commit) error {
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
			actual = end.last()
		case c.on == nil || c.on.broken:
			actual, err = q.version(c.stream.ID)
		}
		if err != nil {
			return err
		}
		if end != c.on || actual != int64(c.expected) {
			return conflict(c, actual)
		}
	}
	q.lines[c.stream.ID] = l
	if !c.tip || l.beside > 0 {
		c.place = besideLine
		l.beside++
		return nil
	}
	c.placeAt(int64(c.expected) + 1)
	c.place, c.shown = inLine, true
	l.commits = append(l.commits, c)
	return nil
}

// end returns the last commit of the line, or nil.
func (l *line) end() *commit {
	if l == nil || len(l.commits) == 0 {
		return nil
	}
	return l.commits[len(l.commits)-1]
}

// expect returns a channel that is closed once so many more commits wait than do now, and what ends that. It is nil if no batch would be larger for it: a
// single caller comes alone again.
func (q *queue) expect(more int) (full <-chan struct{}, end func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting+more < 2 {
		return nil, nil
	}
	q.expected, q.full = q.waiting+more, make(chan struct{})
	return q.full, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.full = nil
	}
}

// take takes commits that wait, in order, up to the bounds of a batch. There may be none.
func (q *queue) take(maxBytes, maxRecords int) []*commit {
	q.mu.Lock()
	defer q.mu.Unlock()
	var taken []*commit
	bytes, records := 0, 0
	for c := q.first; c != nil; c = q.first {
		bytes, records = bytes+int(c.size), records+len(c.records)
		if len(taken) > 0 && (bytes > maxBytes || records > maxRecords) {
			break
		}
		q.remove(c)
		c.state = commitTaken
		taken = append(taken, c)
	}
	q.letIn()
	return taken
}

// remove takes the commit from those that wait. q.mu is held.
func (q *queue) remove(c *commit) {
	if c.prev == nil {
		q.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		q.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
	q.waiting--
}

// withdraw takes back a commit whose caller leaves. It reports false if the owner has it already.
func (q *queue) withdraw(c *commit, err error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.state != commitWaiting {
		return false
	}
	q.remove(c)
	q.finish(c, eventstore.Result{}, err)
	return true
}

// answer tells the commit's caller what became of it.
func (q *queue) answer(c *commit, r eventstore.Result, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finish(c, r, err)
}

// finish answers a commit that does not wait any more. q.mu is held.
func (q *queue) finish(c *commit, r eventstore.Result, err error) {
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

// disown takes a commit that may still be stored, but not in its place, from the line to its side.
func (q *queue) disown(c *commit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.place != inLine {
		return
	}
	l := q.lines[c.stream.ID]
	q.cut(l, c)
	c.place = besideLine
	l.beside++
}

// cut breaks the commit and all behind it in the line, and answers those of them that wait. q.mu is held.
func (q *queue) cut(l *line, c *commit) {
	i := slices.Index(l.commits, c)
	broken := slices.Clone(l.commits[i:])
	clear(l.commits[i:])
	l.commits = l.commits[:i]
	for _, d := range broken {
		d.broken, d.place = true, nowhere
	}
	actual := broken[0].records[0].AggregateVersion - 1
	for _, d := range broken {
		if d != c && d.state == commitWaiting && !q.keepBroken {
			q.remove(d)
			q.finish(d, eventstore.Result{}, conflict(d, actual))
		}
	}
}

// stop refuses all that wait, and all that come.
func (q *queue) stop(reason error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = reason
	for c := q.first; c != nil; c = q.first {
		q.remove(c)
		q.finish(c, eventstore.Result{}, reason)
	}
	for e := q.outside.Front(); e != nil; e = e.Next() {
		close(e.Value.(*visitor).in)
	}
	q.outside.Init()
}

// visitor is a caller who waits for room.
type visitor struct {
	size int64
	in   chan struct{} // closed when there is room, which is taken for it; or when the queue is stopped
}

// awaitRoom takes room for a commit, in the order in which it was asked for. q.mu is held, but not while it waits.
func (q *queue) awaitRoom(ctx context.Context, size int64) error {
	if q.stopped != nil {
		return q.stopped
	}
	if q.outside.Len() == 0 && q.hasRoom(size) {
		q.occupy(size)
		return nil
	}
	v := &visitor{size: size, in: make(chan struct{})}
	e := q.outside.PushBack(v)
	q.mu.Unlock()
	select {
	case <-v.in:
	case <-ctx.Done():
	}
	q.mu.Lock()
	select {
	case <-v.in: // also if ctx has ended meanwhile: the caller withdraws
		return q.stopped
	default:
	}
	q.outside.Remove(e)
	q.letIn()
	return notAppended(ctx)
}

func (q *queue) hasRoom(size int64) bool {
	return q.waiting < q.maxCommits && (q.bytes == 0 || q.bytes+size <= q.maxBytes)
}

func (q *queue) occupy(size int64) {
	q.waiting++
	q.bytes += size
}

// free gives back the room of a commit that no longer waits. q.mu is held.
func (q *queue) free(size int64) {
	q.bytes -= size
	q.letIn()
}

// letIn gives room to those who have waited longest for it. q.mu is held.
func (q *queue) letIn() {
	for e := q.outside.Front(); e != nil; e = q.outside.Front() {
		v := e.Value.(*visitor)
		if !q.hasRoom(v.size) {
			return
		}
		q.occupy(v.size)
		q.outside.Remove(e)
		close(v.in)
	}
}
