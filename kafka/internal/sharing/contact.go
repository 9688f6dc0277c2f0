package sharing

import (
	"fmt"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// contact is when the coordinator last took this process for a member, and who is told what follows
// from that.
//
// Invariant: of Assigned and Outside, whichever was told last is true.
type contact struct {
	session  time.Duration
	assigned func(Table)
	outside  func(error)

	mu    sync.Mutex
	table Table     // of the last join
	last  time.Time // that the coordinator answered as to a member
	why   error     // it has not since then
	out   bool      // Outside was told last
}

func newContact(cfg *Config) *contact {
	return &contact{session: cfg.Session, assigned: cfg.Assigned, outside: cfg.Outside, last: clock.Reading()}
}

// joined notes a new sharing.
func (c *contact) joined(t Table) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.table, c.last, c.why, c.out = t, clock.Reading(), nil, false
	c.assigned(t)
}

// confirmed notes a heartbeat that was answered: the last sharing still stands.
func (c *contact) confirmed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.why = clock.Reading(), nil
	if c.out {
		c.out = false
		c.assigned(c.table)
	}
}

// failed notes why there is no answer.
func (c *contact) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.why = err
}

// refused notes that the coordinator will not have this process.
func (c *contact) refused(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.why = err
	c.end(err)
}

// check notices that a session has passed without an answer: the coordinator has given this process
// up by then.
func (c *contact) check() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.last) <= c.session {
		return
	}
	err := fmt.Errorf("the coordinator has not answered for the session, %s", c.session)
	if c.why != nil {
		err = fmt.Errorf("%w: %w", err, c.why)
	}
	c.end(err)
}

// end tells once. The mutex is held.
func (c *contact) end(err error) {
	if !c.out {
		c.out = true
		c.outside(err)
	}
}
