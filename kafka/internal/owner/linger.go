package owner

import (
	"context"
	"runtime"
	"time"
)

// linger is what an owner knows of the callers that it has answered. They may have more, and a
// batch that they miss costs them a round trip. Callers who share a stream come back to this
// partition at once. If they do, waiting for them doubles what a batch carries. If they do not, the
// owner tries to wait only now and then.
type linger struct {
	answered int           // commits of the last batch, until their callers were waited for
	took     time.Duration // the last batch, from when it was sent until it was answered
	pass     int           // batches after which waiting is tried again
}

const (
	lingerShare = 2 // of the time that a batch takes: the longest wait that pays, if the next batch is twice as large
	lingerMost  = 5 * time.Millisecond
	lingerPass  = 15
)

// lingerFor waits a moment until as many commits have come as were answered. Those that wait
// already do not count.
func (o *Owner) lingerFor(ctx context.Context) {
	l := &o.linger
	answered := l.answered
	l.answered = 0
	if l.pass > 0 || answered == 0 {
		l.pass = max(l.pass-1, 0)
		runtime.Gosched()
		return
	}
	full, end := o.queue.Expect(answered)
	if full == nil {
		return
	}
	defer end()
	bounded, stop := context.WithTimeout(ctx, min(l.took/lingerShare, lingerMost))
	defer stop()
	select {
	case <-full:
	case <-bounded.Done():
		l.pass = lingerPass
	}
}
