package eventstore

import (
	"context"
	"time"
)

// Appended says what one commit did that was given to [Store.Append] or to [Store.AppendEach], for
// code that measures and traces. There is none for a check. It is read only.
type Appended struct {
	Commit   Commit
	Result   Result
	Err      error         // nil, or what the caller is told
	Start    time.Time     // of the call
	Duration time.Duration // until the answer
}

// OnAppend is called with every commit when its append is over. A goroutine of the call that
// appended it calls OnAppend, with the context of the call. It must be quick, may be called
// concurrently, and must not call the store.
type OnAppend func(ctx context.Context, a Appended)
