package owner

import (
	"context"
	"runtime"
	"time"
)

// linger is what an owner knows of the callers it has answered, who may have more: a batch that
// they miss costs them a round trip. If they come back to this partition at once, as those do who
// share a stream, waiting for them doubles what a batch carries. If they do not, waiting is only
// tried now and then.
type linger struct {
	answered int           // commits of the last batch, until their callers were waited for
	took     time.Duration // the last batch, from when it was sent until it was answered
	pass     int           // batches after which waiting is tried again
}

const (
	lingerShare = 2 // of the time that a batch takes: so long it pays to wait, if it doubles the next one
	lingerMost  = 5 * time.Millisecond
	lingerPass  = 15
)

// lingerFor waits a moment until as many commits have come as were answered, beside those that wait
// already.
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
