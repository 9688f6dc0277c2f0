package index

import (
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// trouble hands what Pebble fails with, which it tries again at once and for ever, to whoever waits for it to finish something.
type trouble struct {
	mu      sync.Mutex
	waiting chan error
	logged  time.Time
}

// logEvery is the time between two lines in the log: there could be thousands in a second.
const logEvery = 10 * time.Second

// begin returns a channel that gets the next error.
func (t *trouble) begin() <-chan error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = make(chan error, 1)
	return t.waiting
}

// tell passes an error on, and reports whether it should be logged.
func (t *trouble) tell(err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting != nil {
		select {
		case t.waiting <- err:
		default:
		}
	}
	if time.Since(t.logged) < logEvery {
		return false
	}
	t.logged = clock.Reading()
	return true
}
