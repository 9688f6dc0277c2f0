package retry

import (
	"context"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// The pauses before trying again: each is twice as long as the one before, up to a bound.
const (
	FirstPause = 20 * time.Millisecond
	LongPause  = 500 * time.Millisecond
)

// The pauses where a transaction is in the way. Most transactions end in a moment. If somebody
// begins one after the other, a caller that asks seldom waits for long.
const (
	busyPause     = 2 * time.Millisecond
	longBusyPause = 32 * time.Millisecond
)

// untold is how long attempts may fail before a line is logged. Brokers that have just started,
// move or restart take so long.
const untold = time.Second

// Backoff is the pauses between attempts that fail in a row, and says which failures are logged.
// The zero value is for brokers that are away.
type Backoff struct {
	next  time.Duration
	most  time.Duration
	first time.Time     // when the first attempt had failed
	told  time.Duration // after first, when it was told of last
}

// AmidTransactions is the pauses where a transaction is in the way.
func AmidTransactions() Backoff { return Backoff{next: busyPause, most: longBusyPause} }

// Tells takes note of a failure, and reports whether it should be logged. The intervals between
// logged failures double, so a lasting trouble is seen and does not flood the log.
func (b *Backoff) Tells() bool {
	if b.first.IsZero() {
		b.first = clock.Reading()
	}
	lasts := b.Lasts()
	if lasts < untold || lasts < 2*b.told {
		return false
	}
	b.told = lasts
	return true
}

// Lasts returns for how long attempts have been failing.
func (b *Backoff) Lasts() time.Duration { return clock.Reading().Sub(b.first) }

// Wait pauses, and returns an error if ctx ends meanwhile.
func (b *Backoff) Wait(ctx context.Context) error {
	if b.next == 0 {
		b.next, b.most = FirstPause, LongPause
	}
	d := b.next
	b.next = min(2*b.next, b.most)
	return clock.Wait(ctx, d)
}
