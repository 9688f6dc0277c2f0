package sharing

import (
	"fmt"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// contact knows when the coordinator last took this process for a member, and tells the
// consequences.
//
// Invariant: the one of Assigned and Outside that was told last is true.
type contact struct {
	session  time.Duration
	assigned func(Table)
	outside  func(error)

	mu    sync.Mutex
	table Table     // of the last join
	last  time.Time // when the coordinator last answered this process as a member
	why   error     // why it has not answered since then
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

// confirmed notes a heartbeat that was answered. So the last sharing still holds.
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

// refused notes that the coordinator refuses this process as a member.
func (c *contact) refused(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.why = err
	c.end(err)
}

// check notices that a session has passed without an answer. By then the coordinator has given this
// process up.
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

// end tells Outside, once. The mutex is held.
func (c *contact) end(err error) {
	if !c.out {
		c.out = true
		c.outside(err)
	}
}
