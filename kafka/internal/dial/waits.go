package dial

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// The log says for which broker the client waits, for how long, and why. Sarama tries again without
// a word, and its callers do not see which broker it tries.
const (
	lookEvery  = time.Second      // for brokers that do not answer
	untold     = 2 * time.Second  // a broker may be silent for so long without a line
	longUntold = time.Minute      // at most between two lines
	forgotten  = 10 * time.Second // so long after the last failed attempt, nobody waits any more
)

// waits is what all connections of a client know of brokers that do not answer.
type waits struct {
	start  time.Time // that times of connections are counted from
	mu     sync.Mutex
	logger *slog.Logger // nil until Tell
	timer  *time.Timer
	open   map[*conn]struct{}
	peers  map[string]*peer
	closed bool
}

// peer is one broker, by its address.
//
// Invariant: somebody waits for the broker as long as waiting has an entry. An answer to one
// connection is no answer to another.
type peer struct {
	waits    *waits
	addr     string
	troubled atomic.Bool // somebody waits

	// The mutex of waits guards all that follows.
	dials    int       // under way
	dialling time.Time // since when there is one

	waiting map[waiter]trouble
	since   time.Time // when the first of these began to wait
	told    bool
	next    time.Duration // after since, when it is told
}

// waiter is who waits for a broker:
//   - a *conn waits for an answer;
//   - a *Conns waits to reach the broker again after a failure;
//   - the *peer itself waits for a connection.
type waiter any

// trouble is why somebody waits.
type trouble struct {
	why   string
	tried time.Time // the last attempt that failed; zero for one that is under way
}

func newWaits() *waits {
	return &waits{
		start: clock.Reading().Add(-time.Nanosecond), // so that 0 is no time
		open:  make(map[*conn]struct{}), peers: make(map[string]*peer),
	}
}

// Tell makes the connections of d log which brokers do not answer. It does so for all Conns that
// Use made from a configuration of d, too. If a broker does not answer for longer than a moment, a
// line says so. More lines follow at intervals that double, and one when the broker answers again.
// Close ends it.
func (d *Conns) Tell(logger *slog.Logger) {
	w := d.waits
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.logger != nil || w.closed {
		return
	}
	w.logger = logger
	w.timer = time.AfterFunc(lookEvery, w.look)
}

// end stops telling.
func (w *waits) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// peer returns what is known of the broker.
func (w *waits) peer(addr string) *peer {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.peers[addr]
	if p == nil {
		p = &peer{waits: w, addr: addr, waiting: make(map[waiter]trouble)}
		w.peers[addr] = p
	}
	return p
}

// opened notes a connection.
func (w *waits) opened(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[c] = struct{}{}
}

// forget is for a connection that is closed.
func (w *waits) forget(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, c)
	c.peer.over(c, false)
}

// dial notes that d opens a connection. The function that it returns notes the outcome.
func (p *peer) dial(d *Conns) (done func(error)) {
	begun := clock.Reading()
	p.waits.mu.Lock()
	defer p.waits.mu.Unlock()
	if p.dials++; p.dials == 1 {
		p.dialling = begun
	}
	return func(err error) {
		p.waits.mu.Lock()
		defer p.waits.mu.Unlock()
		if err != nil {
			p.wait(d, begun, reasonOf(err), clock.Reading())
		}
		if p.dials--; p.dials == 0 {
			p.over(p, false)
		}
	}
}

// failed notes that the broker did not answer what a connection had asked at the time since.
func (p *peer) failed(c *conn, since time.Time, why string) {
	p.waits.mu.Lock()
	defer p.waits.mu.Unlock()
	p.wait(c.of, since, why, clock.Reading())
	p.over(c, false)
}

// throttled notes that the broker answers a connection only after a time. It says so at once, if
// the time is long.
func (c *conn) throttled(wait time.Duration) {
	if wait < untold {
		return
	}
	w := c.peer.waits
	w.mu.Lock()
	defer w.mu.Unlock()
	now := clock.Reading()
	c.peer.wait(c, now, "this client is over its quota: the broker reads its next request in "+
		wait.Round(time.Millisecond).String(), time.Time{})
	c.peer.next = 0
	if w.logger != nil && !w.closed {
		w.tell(c.peer, now)
	}
}

// answered notes that the broker answers a connection.
func (p *peer) answered(c *conn) {
	if !p.troubled.Load() {
		return
	}
	p.waits.mu.Lock()
	defer p.waits.mu.Unlock()
	p.over(c, true)
	p.over(c.of, true)
}

// wait notes that somebody has been waiting since a time. The mutex is held.
func (p *peer) wait(who waiter, since time.Time, why string, tried time.Time) {
	if len(p.waiting) == 0 {
		p.since, p.told, p.next = since, false, untold
		p.troubled.Store(true)
	}
	p.waiting[who] = trouble{why: why, tried: tried}
}

// over notes that somebody waits no more. If nobody waits any more and the broker has answered, it
// logs that. The mutex is held.
func (p *peer) over(who waiter, answered bool) {
	if _, waits := p.waiting[who]; !waits {
		return
	}
	delete(p.waiting, who)
	if len(p.waiting) > 0 {
		return
	}
	p.troubled.Store(false)
	if w := p.waits; answered && p.told && w.logger != nil && !w.closed {
		w.logger.Info("broker answers again", "broker", p.addr,
			"after", clock.Reading().Sub(p.since).Round(time.Millisecond))
	}
}

// look finds connections that have waited for long, and logs what is due.
func (w *waits) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	now := clock.Reading()
	for c := range w.open {
		if since, waits := c.unanswered(); waits && now.Sub(since) >= untold {
			c.peer.wait(c, since, "no answer yet", time.Time{})
		}
	}
	for _, p := range w.peers {
		w.tell(p, now)
	}
	w.timer.Reset(lookEvery)
}

// tell logs that somebody waits for the broker, if a line is due.
func (w *waits) tell(p *peer, now time.Time) {
	if p.dials > 0 && now.Sub(p.dialling) >= untold {
		p.wait(p, p.dialling, "no connection yet", time.Time{})
	}
	why := ""
	for who, t := range p.waiting {
		if !t.tried.IsZero() && now.Sub(t.tried) > forgotten {
			p.over(who, false)
		} else if why == "" || !t.tried.IsZero() { // a failure says more than an attempt under way
			why = t.why
		}
	}
	if lasts := now.Sub(p.since); len(p.waiting) > 0 && lasts >= p.next {
		p.told, p.next = true, min(2*lasts, lasts+longUntold)
		w.logger.Warn("waiting for a broker that does not answer",
			"broker", p.addr, "for", lasts.Round(time.Millisecond), "error", why)
	}
}

// reasonOf says in few words why a broker was not reached.
func reasonOf(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection: " + op.Err.Error()
	}
	return err.Error()
}
