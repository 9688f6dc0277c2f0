package line

import (
	"context"
	"fmt"
)

// visitor is a caller who waits outside for room.
type visitor struct {
	size int64
	in   chan struct{} // closed when room is taken for it, or when the queue is stopped
}

// reserve waits for room for a commit, in the order in which it was asked for. The caller must
// enter then, which gives the room back if it fails.
func (q *Queue) reserve(ctx context.Context, size int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
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
	return left(ctx)
}

// reserveSome waits for room for the first of the commits. It returns how many have room then: it
// takes that for the commits behind the first one as long as nobody waits outside.
func (q *Queue) reserveSome(ctx context.Context, commits []*Commit) (n int, err error) {
	if err := q.reserve(ctx, commits[0].size); err != nil {
		return 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for n = 1; n < len(commits) && q.outside.Len() == 0 && q.hasRoom(commits[n].size); n++ {
		q.occupy(commits[n].size)
	}
	return n, nil
}

func (q *Queue) hasRoom(size int64) bool {
	return q.waiting < q.cfg.MaxCommits && (q.bytes == 0 || q.bytes+size <= q.cfg.MaxBytes)
}

func (q *Queue) occupy(size int64) {
	q.waiting++
	q.bytes += size
}

// free gives back the room of a commit that no longer waits. q.mu is held.
func (q *Queue) free(size int64) {
	q.bytes -= size
	q.letIn()
}

// letIn gives room to those who have waited longest for it. q.mu is held.
func (q *Queue) letIn() {
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

// WaitingError says that a caller left while its commit still waited. Nothing was appended.
type WaitingError struct{ Cause error }

// left is the error of a caller whose context has ended.
func left(ctx context.Context) error { return &WaitingError{context.Cause(ctx)} }

// Error says why the caller left.
func (e *WaitingError) Error() string {
	return fmt.Sprintf("not appended, the commit was still waiting: %v", e.Cause)
}

// Unwrap returns why the caller left.
func (e *WaitingError) Unwrap() error { return e.Cause }

// Unavailable reports true: nothing is wrong with the commit, and it may be tried again for as long
// as it takes. A commit waits long while brokers are away. An event whose handler has a time-out
// must not be set aside for that.
func (e *WaitingError) Unavailable() bool { return true }
