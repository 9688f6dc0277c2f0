package eventstore

import (
	"context"
	"time"
)

// Appended says what one call of [Store.Append] did, for code that measures and traces. There is
// none for a check. It is read only.
type Appended struct {
	Commit   Commit
	Result   Result
	Err      error // nil, or what the call returned
	Start    time.Time
	Duration time.Duration
}

// OnAppend is called with every append when the append is over. The goroutine that appended calls
// it, with the context of the append. It must be quick, may be called concurrently, and must not
// call the store.
type OnAppend func(ctx context.Context, a Appended)
