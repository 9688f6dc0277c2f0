package main

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections is a listener that bounds how many clients are connected, and so the memory that
// their requests take.
//
// When one client too many connects, the listener cuts off the connection that has waited longest
// for its client. So a slow client does not keep another one out.
//
// The listener never cuts off a connection while the service handles its operation: from handle to
// wait. At any other time the connection waits for its client. Probes, metrics and refusals call
// neither handle nor wait, because the service answers them at once.
type connections struct {
	net.Listener

	most  int
	newID func() string // of the conversations that end before they begin

	mu      sync.Mutex
	open    int
	waiting list.List // of *connection: those that wait for their client, the longest first
}

// connection is one of them.
type connection struct {
	net.Conn

	of     *connections
	place  *list.Element // among those that wait; nil while a request is handled, and once it is cut off
	body   bool          // it waits for the rest of a body, and a handler waits with it
	closed bool

	// begun says that a handler has begun an answer. Only the goroutine that serves the connection
	// asks.
	begun bool
}

// Accept returns the next connection.
func (l *connections) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: accepted, of: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	c.place = l.waiting.PushBack(c)
	if l.open > l.most {
		l.waiting.Front().Value.(*connection).cut()
	}
	return c, nil
}

// changed is told by the HTTP server what a connection does.
func (l *connections) changed(accepted net.Conn, state http.ConnState) {
	c, ok := accepted.(*connection)
	if !ok || state != http.StateActive && state != http.StateIdle {
		return
	}
	if state == http.StateIdle { // the answer is written
		c.begun = false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.enter()
}

// leave takes the connection out of those that wait. The caller holds the lock.
func (c *connection) leave() {
	if c.place != nil {
		c.of.waiting.Remove(c.place)
		c.place = nil
	}
}

// cut ends the wait for the client. The caller holds the lock, or else the request might be handled
// between the choice of this connection and its end.
func (c *connection) cut() {
	c.leave()
	if c.body { // the handler is told, and tells the client
		_ = c.SetReadDeadline(time.Unix(1, 0))
		return
	}
	_ = c.close()
}

// answer says that a handler makes the answer to the request.
func (c *connection) answer() {
	if c != nil {
		c.begun = true
	}
}

// receive says that a handler reads a body.
func (c *connection) receive() {
	if c != nil {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		c.body = true
	}
}

// handle says that a request is there whole. It reports whether the request may be handled, which
// it may not once its connection is cut off.
func (c *connection) handle() bool {
	if c == nil {
		return true
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	waited := c.place != nil
	c.leave()
	return waited
}

// wait says that a request is handled, and that its answer waits for the client to read it.
func (c *connection) wait() {
	if c != nil {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		c.enter()
	}
}

// enter puts the connection behind all that wait. The caller holds the lock.
func (c *connection) enter() {
	c.leave()
	if !c.closed {
		c.body = false
		c.place = c.of.waiting.PushBack(c)
	}
}

// Close closes the connection.
func (c *connection) Close() error {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	return c.close()
}

// close is Close for a caller that holds the lock.
func (c *connection) close() error {
	if !c.closed {
		c.closed = true
		c.of.open--
		c.leave()
	}
	return c.Conn.Close()
}

// CloseWrite tells the client that nothing more comes.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Write writes b, but for an answer that the HTTP server makes without a handler, in one Write: it
// becomes a problem.
func (c *connection) Write(b []byte) (int, error) {
	if c.begun {
		return c.Conn.Write(b)
	}
	answer, ok := asProblem(b, c.of.newID)
	if !ok {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(answer); err != nil {
		return 0, err
	}
	return len(b), nil
}

type connectionKey struct{}

func withConnection(ctx context.Context, accepted net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, accepted)
}

// connectionOf returns the connection of a request; nil where a test asks a handler directly.
func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}
