// Package clock is the one place that reads the wall clock and waits for it.
package clock

import (
	"context"
	"time"
)

// Now returns the current time, in UTC and without a monotonic reading: it equals itself after it
// was stored.
func Now() time.Time { return time.Now().UTC().Round(0) }

// Wait waits for d, or until ctx ends, whose error it then returns.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Every returns a channel that gets the time every d, and a function that ends this.
func Every(d time.Duration) (due <-chan time.Time, end func()) {
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// Reading returns the current time with a monotonic reading, to measure how long something takes.
func Reading() time.Time { return time.Now() }
