package worker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
)

// gatherTime is how long a list waits for the operations of other clients.
const gatherTime = 10 * time.Millisecond

// lists gathers the commits that clients append at about the same time, and appends them in one
// call. Each client is told what became of its commit.
type lists struct {
	mu   sync.Mutex
	open *list // nil if none is gathered
}

// list is the commits of one call.
type list struct {
	store   *kafka.Store
	commits []eventstore.Commit
	answers []eventstore.Answer
	done    chan struct{} // closed once the answers are set
}

// append appends the commit in a list of the store. The first commit's context is that of the list.
func (l *lists) append(ctx context.Context, store *kafka.Store, c eventstore.Commit) (eventstore.Result, error) {
	l.mu.Lock()
	mine, first := l.open, false
	if mine == nil || mine.store != store {
		mine, first = &list{store: store, done: make(chan struct{})}, true
		l.open = mine
	}
	place := len(mine.commits)
	mine.commits = append(mine.commits, c)
	l.mu.Unlock()
	if first {
		_ = clock.Wait(ctx, gatherTime) // if ctx ends, AppendEach says so
		l.mu.Lock()
		if l.open == mine {
			l.open = nil
		}
		l.mu.Unlock()
		mine.answers = store.AppendEach(ctx, mine.commits)
		close(mine.done)
	}
	select {
	case <-mine.done:
		a := mine.answers[place]
		return a.Result, a.Err
	case <-ctx.Done(): // the list goes on under another client's context
		return eventstore.Result{}, fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, context.Cause(ctx))
	}
}
