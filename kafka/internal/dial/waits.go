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

// Whoever waits for a broker is told so in the log: which broker, for how long, and why. Sarama tries again without a word, and what uses it
// does not see which broker it tries.
const (
	lookEvery  = time.Second     // for brokers that do not answer
	untold     = 2 * time.Second // that a broker may not answer without a line
	longUntold = time.Minute     // at most between two lines
	forgotten  = 10 * time.Second
)

// waits is what all connections of a client know of brokers that do not answer.
//
// Invariant: trouble is of a broker that somebody wants: what was last tried longer than forgotten ago is no longer waited for.
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
type peer struct {
	waits    *waits
	addr     string
	troubled atomic.Bool // since is not zero

	// The mutex of waits is held for all that follows.
	dials    int       // under way
	dialling time.Time // since when there is one

	// Of the trouble there is.
	since time.Time // of what was not answered first
	tried time.Time // last
	why   string
	told  time.Time // last; zero if not yet
	next  time.Duration
}

func newWaits() *waits {
	return &waits{
		start: clock.Reading().Add(-time.Nanosecond), // so that 0 is no time
		open:  make(map[*conn]struct{}), peers: make(map[string]*peer),
	}
}

// Tell makes the connections of d, and of all that dial by a configuration of d's, log when a broker does not answer for longer than a moment,
// again at intervals that double, and once more when it answers. Close ends it.
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
		p = &peer{waits: w, addr: addr}
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
}

// dial notes that a connection is being opened; the function that it returns notes what came of it.
func (p *peer) dial() (done func(error)) {
	begun := clock.Reading()
	p.waits.mu.Lock()
	defer p.waits.mu.Unlock()
	if p.dials++; p.dials == 1 {
		p.dialling = begun
	}
	return func(err error) {
		p.waits.mu.Lock()
		defer p.waits.mu.Unlock()
		p.dials--
		if err != nil {
			p.trouble(begun, reasonOf(err))
		}
	}
}

// failed notes that the broker could not be reached, or did not answer what it was asked at the time since.
func (p *peer) failed(since time.Time, why string) {
	p.waits.mu.Lock()
	defer p.waits.mu.Unlock()
	p.trouble(since, why)
}

// trouble is failed, with the mutex held.
func (p *peer) trouble(since time.Time, why string) {
	if p.since.IsZero() {
		p.since, p.told, p.next = since, time.Time{}, untold
		p.troubled.Store(true)
	}
	p.tried, p.why = clock.Reading(), why
}

// answered notes that the broker speaks.
func (p *peer) answered() {
	if !p.troubled.Load() {
		return
	}
	w := p.waits
	w.mu.Lock()
	defer w.mu.Unlock()
	if !p.told.IsZero() && w.logger != nil && !w.closed {
		w.logger.Info("broker answers again", "broker", p.addr, "after", clock.Reading().Sub(p.since).Round(time.Millisecond))
	}
	p.since = time.Time{}
	p.troubled.Store(false)
}

// look tells of what there is to tell.
func (w *waits) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	now := clock.Reading()
	for c := range w.open {
		if since, waits := c.unanswered(); waits && now.Sub(since) >= untold {
			c.peer.trouble(since, "no answer yet")
		}
	}
	for _, p := range w.peers {
		if p.dials > 0 && now.Sub(p.dialling) >= untold {
			p.trouble(p.dialling, "no connection yet")
		}
		lasts := now.Sub(p.since)
		switch {
		case p.since.IsZero():
		case now.Sub(p.tried) > forgotten:
			p.since = time.Time{}
			p.troubled.Store(false)
		case lasts >= p.next:
			p.told, p.next = now, min(2*lasts, lasts+longUntold)
			w.logger.Warn("waiting for a broker that does not answer", "broker", p.addr, "for", lasts.Round(time.Millisecond), "error", p.why)
		}
	}
	w.timer.Reset(lookEvery)
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
