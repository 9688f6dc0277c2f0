package partition

import (
	"context"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// The bounds of trying again: a pause after each failure, twice as long each time. What is in the way is gone in a moment as a rule where
// the first one is busyPause.
const (
	busyPause  = 2 * time.Millisecond
	firstPause = 20 * time.Millisecond
	longPause  = 500 * time.Millisecond
)

// quietFailures is how many failures in a row are not worth a line: brokers that move or restart cause so many.
const quietFailures = 4

// backoff is the pauses between attempts that fail in a row, and which of them are told of. The zero value begins with firstPause.
type backoff struct {
	next     time.Duration
	failures int
}

// tells counts a failure, and reports whether it should be logged: at intervals that double, so that what lasts is
// seen and does not flood. A failure that is followed by less than firstPause is not counted.
func (b *backoff) tells() bool {
	if b.next != 0 && b.next < firstPause {
		return false
	}
	b.failures++
	return b.failures >= quietFailures && b.failures&(b.failures-1) == 0
}

// wait pauses, and returns an error if ctx ends meanwhile.
func (b *backoff) wait(ctx context.Context) error {
	if b.next == 0 {
		b.next = firstPause
	}
	d := b.next
	b.next = min(2*b.next, longPause)
	return clock.Wait(ctx, d)
}
