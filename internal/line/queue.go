package line

import (
	"container/list"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
)

// Queue holds the commits of one partition from when they enter until they are answered.
//
// Some of a stream's commits are its line. Each came with a [Tip] of the stream while nothing else
// was queued for the stream. The first one is right behind what is stored, and each other one is
// right behind the commit before it. It is known where each of them will be stored if it is stored
// at all. So the queue shows them to callers, who decide on them and join the line.
//
// A commit that writes to several streams stands in the lines of all of them, or in none. A commit
// rests on the last commit of each of its tips, also on those of streams that it does not write to.
//
//	Q1  Commits are taken, and written, in the order in which they entered.
//	Q2  A line has no gap: the first commit follows the stored end of the stream, each other one
//	    the commit before it.
//	Q3  If a commit of a line will not be stored in its place (withdrawn, refused, a repeated
//	    command, lost), it is broken. All that rest on it are broken with it, before anybody learns
//	    of it: they leave all their lines together. Another commit may take its version. That does
//	    not matter, for it is not what the decisions rested on.
//	Q4  A commit that rests on a broken one is never written. The owner looks just before it
//	    writes. By then it has taken what the commit rests on (Q1), so nobody else can break that
//	    any more.
//	Q5  A commit that is queued beside the lines is never shown: its place is known only when it is
//	    written. It writes to a stream of which it has no tip, or one that has such a commit
//	    already. While there is one, the line does not grow: Q2 would not hold.
//	Q6  A commit leaves its lines, stored, only after the index holds it: there is no hole between
//	    the index and what is shown.
//	Q7  The index gets nothing in the place of a commit of a line: what stands there leaves the
//	    line before. Otherwise streams that are read together would show a part of a commit.
//
// The owner keeps its part of Q1, Q4, Q6 and Q7. It writes in the order in which it takes. It
// writes no commit that [Commit.RestsOnBroken]. It applies to the index before it answers. Before
// it applies what it has read, it calls Yield.
type Queue struct {
	cfg  Config
	wake chan struct{} // has an element if commits, or something else, may have begun to wait

	mu          sync.Mutex
	first, last *Commit // those that wait
	waiting     int     // how many
	bytes       int64   // of those that are not answered
	outside     list.List
	lines       map[string]*line   // of the streams with commits that are not answered
	commands    map[uint64]*Commit // those of a command that are not answered, by its hash
	seed        maphash.Seed
	stopped     error         // why nothing enters any more
	expected    int           // how many must wait before full is closed
	full        chan struct{} // nil unless somebody expects them
}

// Config is what a queue needs. Every field but Key and KeepBroken must be set.
type Config struct {
	Key        eventstore.PartitionKey
	MaxCommits int   // that wait; further callers wait outside, under their context
	MaxBytes   int64 // of the commits that are not answered; a single commit may be larger
	// Version returns the stored version of a stream. It is called while the queue is locked.
	Version func(aggregateID string) (int64, error)
	// KeepBroken breaks Q3 on purpose: the commits behind a broken one go on to wait.
	KeepBroken bool
}

// NewQueue returns an empty queue.
func NewQueue(cfg Config) *Queue {
	return &Queue{
		cfg: cfg, wake: make(chan struct{}, 1), lines: make(map[string]*line), commands: make(map[uint64]*Commit),
		seed: maphash.MakeSeed(),
	}
}

// Enter queues the commit as soon as there is room for it. It copies what the caller may change
// later. The caller then waits with Await.
//
// It fails with a *[WaitingError] if ctx ends before there is room. It fails with the reason of
// Stop if the queue was stopped, and with the error of Version. It fails with a
// *[eventstore.ConflictError] if something else stands behind one of the commit's tips by now.
func (q *Queue) Enter(ctx context.Context, c *Commit) error {
	if err := q.reserve(ctx, c.size); err != nil {
		return err
	}
	c.own(clock.Now())
	return q.enter(c)
}

// EnterEach queues the commits in the order given, each as soon as there is room for it. Nothing
// comes between those for which there is room at the same time. The caller then waits for each with
// Await, which also returns why a commit could not enter: the errors are those of Enter. If ctx
// ends before there is room for a commit, nor do the commits behind it enter.
func (q *Queue) EnterEach(ctx context.Context, commits []*Commit) {
	for len(commits) > 0 {
		n, err := q.reserveSome(ctx, commits)
		if err != nil {
			refuse(err, commits...)
			return
		}
		now := clock.Now()
		for _, c := range commits[:n] {
			c.own(now)
		}
		q.enterSome(commits[:n])
		commits = commits[n:]
	}
}

// refuse answers commits that have not entered.
func refuse(err error, commits ...*Commit) {
	for _, c := range commits {
		c.state, c.err = commitAnswered, err
		close(c.done)
	}
}

// Await returns the answer to a commit. If ctx ends before, the commit is taken back and the error
// is a *[WaitingError]: nothing was appended. If the owner has the commit by then, the error is
// eventstore.ErrOutcomeUnknown.
func (q *Queue) Await(ctx context.Context, c *Commit) (eventstore.Result, error) {
	select {
	case <-c.done:
		return c.result, c.err
	case <-ctx.Done():
	}
	q.Leave(ctx, c)
	select {
	case <-c.done:
		return c.result, c.err
	default:
		return eventstore.Result{}, fmt.Errorf("%w: %w while the commit was under way", eventstore.ErrOutcomeUnknown,
			context.Cause(ctx))
	}
}

// Leave takes back those of the commits that wait, all at once. ctx has ended: Await says so of
// each. If the commits have entered in this order, the owner has taken the first ones, or none.
func (q *Queue) Leave(ctx context.Context, commits ...*Commit) {
	err := left(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range commits {
		if c.state == commitWaiting {
			q.remove(c)
			q.finish(c, eventstore.Result{}, err)
		}
	}
}

// enter lets in a commit that has room.
func (q *Queue) enter(c *Commit) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.letEnter(c)
	q.entered()
	return err
}

// enterSome lets in commits that have room.
func (q *Queue) enterSome(commits []*Commit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range commits {
		if err := q.letEnter(c); err != nil {
			refuse(err, c)
		}
	}
	q.entered()
}

// letEnter puts a commit behind those that wait, or gives its room back. q.mu is held.
func (q *Queue) letEnter(c *Commit) error {
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
	return nil
}

// entered tells the owner that commits may have entered. q.mu is held.
func (q *Queue) entered() {
	if q.full != nil && q.waiting >= q.expected {
		close(q.full)
		q.full = nil
	}
	q.Knock()
}

// Wake returns the channel that has an element when commits may have entered, or Knock was called.
func (q *Queue) Wake() <-chan struct{} { return q.wake }

// Knock wakes the owner, who looks for what there is to do.
func (q *Queue) Knock() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Expect returns a channel that is closed once so many more commits wait than do now, and a
// function that ends the waiting. The channel is nil if no batch would be larger for it: a single
// caller comes alone again. One goroutine at a time expects.
func (q *Queue) Expect(more int) (full <-chan struct{}, end func()) {
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

// Take takes commits that wait, in order, up to the bounds of a batch. An expectation is as much
// work as a record, and a commit counts with what it has more of. Take takes the first commit
// however large that is. There may be none. The owner must answer each of them.
func (q *Queue) Take(maxBytes, maxRecords int) []*Commit {
	q.mu.Lock()
	defer q.mu.Unlock()
	var taken []*Commit
	bytes, records := 0, 0
	for c := q.first; c != nil; c = q.first {
		bytes, records = bytes+int(c.size), records+max(len(c.records), len(c.expect)+len(c.commands))
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

// Postpone makes the events of a taken commit, which others may be reading, no earlier than the
// time.
func (q *Queue) Postpone(c *Commit, t time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.shown {
		c.records = slices.Clone(c.records)
	}
	c.notBefore(t)
}

// remove takes the commit from those that wait. q.mu is held.
func (q *Queue) remove(c *Commit) {
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

// Answer is what became of a commit.
type Answer struct {
	Commit *Commit
	Result eventstore.Result
	Err    error
}

// Answer tells the callers of taken commits what became of them, in the order given. Nobody enters,
// and nobody is shown anything, between the first of them and the last.
func (q *Queue) Answer(answers ...Answer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range answers {
		a := &answers[i]
		q.finish(a.Commit, a.Result, a.Err)
	}
}

// Stop refuses all commits that wait, and all that come, with the reason. The owner goes on to
// answer those that it has taken.
func (q *Queue) Stop(reason error) {
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

// Stopped returns the reason of Stop, or nil while commits may enter.
func (q *Queue) Stopped() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stopped
}
