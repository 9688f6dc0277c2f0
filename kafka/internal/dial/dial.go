// Package dial opens connections that can be cut all at once, so that a request that waits for an answer returns
// when its caller's context ends: Sarama's requests know no context.
//
// A [Conns] may be used by any number of goroutines.
package dial

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// Conns dials connections and keeps them to cut them.
type Conns struct {
	dialer net.Dialer
	mu     sync.Mutex
	open   map[*conn]struct{}
	no     error // why no connection is opened
}

// Use has the configuration dial through a new Conns, which it returns.
func Use(c *sarama.Config) *Conns {
	d := &Conns{
		dialer: net.Dialer{Timeout: c.Net.DialTimeout, KeepAlive: c.Net.KeepAlive},
		open:   make(map[*conn]struct{}),
	}
	c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, d
	return d
}

// Dial is what Sarama calls.
func (d *Conns) Dial(network, addr string) (net.Conn, error) {
	if err := d.refusing(); err != nil {
		return nil, err
	}
	c, err := d.dialer.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	t := &conn{Conn: c, of: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.no != nil {
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

// Cut closes all open connections; others may be opened.
func (d *Conns) Cut() { d.cut(nil) }

// Close closes all open connections and lets no other be opened.
func (d *Conns) Close() { d.cut(net.ErrClosed) }

// CutWhenDone cuts the connections when ctx ends, and lets none be opened: Sarama would try again. The function that
// it returns ends the watch, and lets connections be opened again.
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

// CutAfter does what CutWhenDone does, when a time is over.
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
		_ = c.Conn.Close()
	}
}

type conn struct {
	net.Conn
	of *Conns
}

func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
