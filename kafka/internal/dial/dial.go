// Package dial opens connections that can be cut all at once. Sarama's requests know no context. So
// when a caller's context ends, its connections are cut, and the request that waits for an answer
// returns. The package also logs which broker the client waits for.
//
// A [Conns] may be used by any number of goroutines.
package dial

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
)

// Conns dials connections and keeps them to cut them.
type Conns struct {
	dialer net.Dialer
	waits  *waits       // shared with all that Use made from a configuration of this one
	root   bool         // the first of them
	held   atomic.Int64 // nanoseconds for which brokers hold answers on purpose
	mu     sync.Mutex
	open   map[*conn]struct{}
	no     error // why no connection is opened
}

// Use makes the configuration dial through a new Conns, and returns it. If the configuration
// dialled through another Conns before, both log together which brokers do not answer: see
// [Conns.Tell].
func Use(c *sarama.Config) *Conns {
	d := &Conns{
		dialer: net.Dialer{Timeout: c.Net.DialTimeout, KeepAlive: c.Net.KeepAlive},
		open:   make(map[*conn]struct{}),
	}
	if before, ok := c.Net.Proxy.Dialer.(*Conns); ok {
		d.waits = before.waits
	} else {
		d.waits, d.root = newWaits(), true
	}
	c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, d
	return d
}

// Dial is what Sarama calls.
func (d *Conns) Dial(network, addr string) (net.Conn, error) {
	if err := d.refusing(); err != nil {
		return nil, err
	}
	p := d.waits.peer(addr)
	dialled := p.dial(d)
	c, err := d.dialer.Dial(network, addr)
	dialled(err)
	if err != nil {
		return nil, err
	}
	t := &conn{Conn: c, of: d, peer: p}
	d.waits.opened(t)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.no != nil {
		d.waits.forget(t)
		_ = c.Close()
		return nil, d.no
	}
	d.open[t] = struct{}{}
	return t, nil
}

func (d *Conns) refusing() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.no
}

// Patient is for requests that brokers answer late on purpose, such as a join. Brokers hold a join
// until all members have joined. A broker is not called silent until it has taken so long for an
// answer.
func (d *Conns) Patient(wait time.Duration) { d.held.Store(int64(wait)) }

// Cut closes all open connections; others may be opened.
func (d *Conns) Cut() { d.cut(nil) }

// Close closes all open connections and lets no other be opened.
func (d *Conns) Close() {
	if d.root {
		d.waits.end()
	}
	d.cut(net.ErrClosed)
}

// CutWhenDone cuts the connections when ctx ends, and then lets none be opened, as Sarama would try
// again. The function that it returns ends the watch, and lets connections be opened again.
func (d *Conns) CutWhenDone(ctx context.Context) (end func()) {
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cut)
		d.cut(context.Cause(ctx))
	})
	return func() {
		if !stop() {
			<-cut // it must not come after the connections are allowed again
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.no = nil
	}
}

// errLate is why no connection is opened any more.
var errLate = errors.New("the time to connect is over")

// CutAfter does the same as CutWhenDone, when a time is over.
func (d *Conns) CutAfter(wait time.Duration) (end func()) {
	cut := make(chan struct{})
	timer := time.AfterFunc(wait, func() {
		defer close(cut)
		d.cut(errLate)
	})
	return func() {
		if !timer.Stop() {
			<-cut // it must not come after the connections are allowed again
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.no = nil
	}
}

func (d *Conns) cut(because error) {
	d.mu.Lock()
	open := d.open
	d.open = make(map[*conn]struct{})
	d.no = because
	d.mu.Unlock()
	for c := range open {
		d.waits.forget(c)
		c.ended.Store(true)
		_ = c.Conn.Close()
	}
}

type conn struct {
	net.Conn
	of    *Conns
	peer  *peer
	ended atomic.Bool  // on this side
	asked atomic.Int64 // since when it waits for an answer, in nanoseconds since the start of waits; 0 if it does not
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	switch since, waits := c.unanswered(); {
	case n > 0:
		c.asked.Store(0)
		c.peer.answered(c)
	case err != nil && waits && !c.ended.Load():
		c.peer.failed(c, since, reasonOf(err))
	}
	return n, err
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	if c.asked.Load() == 0 {
		c.asked.CompareAndSwap(0, int64(clock.Reading().Sub(c.peer.waits.start))+c.of.held.Load())
	}
	return c.Conn.Write(p)
}

// patient lets the answer to the next request take so long.
func (c *conn) patient(wait time.Duration) {
	c.asked.Store(int64(clock.Reading().Add(wait).Sub(c.peer.waits.start)))
}

// unanswered returns since when the connection waits for an answer, if it does.
func (c *conn) unanswered() (since time.Time, waits bool) {
	asked := c.asked.Load()
	return c.peer.waits.start.Add(time.Duration(asked)), asked != 0
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.ended.Store(true)
	c.of.waits.forget(c)
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
