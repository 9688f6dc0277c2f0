package eventstore

import (
	"context"
	"time"
)

// Appended is what became of one call of [Store.Append] that is no check, for those who measure and trace. They only read it.
type Appended struct {
	Commit   Commit
	Result   Result
	Err      error // nil, or what the call returned
	Start    time.Time
	Duration time.Duration
}

// OnAppend is called with every append when it is over, by the goroutine that appended and under its context. It must be quick,
// may be called concurrently, and must not call the store.
type OnAppend func(ctx context.Context, a Appended)
