// Package dial opens connections that can be cut all at once, so that a request that waits for an answer returns
// when its caller's context ends: Sarama's requests know no context.
//
// A [Conns] may be used by any number of goroutines.
package dial

import (
	"context"
	"net"
	"sync"

	"github.com/IBM/sarama"
)

// Conns dials connections and keeps them to cut them.
type Conns struct {
	dialer net.Dialer
	mu     sync.Mutex
	open   map[*conn]struct{}
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
	c, err := d.dialer.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	t := &conn{Conn: c, of: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[t] = struct{}{}
	return t, nil
}

// Cut closes all open connections.
func (d *Conns) Cut() {
	d.mu.Lock()
	open := d.open
	d.open = make(map[*conn]struct{})
	d.mu.Unlock()
	for c := range open {
		_ = c.Conn.Close()
	}
}

// CutWhenDone cuts the connections when ctx ends. The function it returns ends the watch.
func (d *Conns) CutWhenDone(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, d.Cut)
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
