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
	newID func() string // makes the correlation ids of answers that the HTTP server makes by itself

	mu      sync.Mutex
	open    int
	waiting list.List // of *connection: those that wait for their client, the longest first
}

// connection is one that the listener has accepted.
type connection struct {
	net.Conn

	of     *connections
	place  *list.Element // among those that wait; nil while a request is handled, and once it is cut off
	body   bool          // it waits for the rest of a body, and a handler waits, too
	closed bool

	// begun is true once a handler has begun an answer. Only the goroutine that serves the
	// connection uses it.
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

// changed is called by the HTTP server with the new state of a connection.
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

// cut ends the wait for the client. The caller holds the lock. Otherwise the request could be
// handled after this connection was chosen and before it ends.
func (c *connection) cut() {
	c.leave()
	if c.body { // the handler gets an error, and tells the client
		_ = c.SetReadDeadline(time.Unix(1, 0))
		return
	}
	_ = c.close()
}

// answer is called when a handler begins to answer the request.
func (c *connection) answer() {
	if c != nil {
		c.begun = true
	}
}

// receive is called when a handler begins to read a body.
func (c *connection) receive() {
	if c != nil {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		c.body = true
	}
}

// handle is called when the whole request has arrived. It reports whether the request may be
// handled. It may not if its connection was cut off.
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

// wait is called when a request was handled. From then on its answer waits for the client to read
// it.
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

// Write writes b. If b is an answer that the HTTP server makes without a handler, Write writes a
// problem instead. The server writes such an answer with one Write.
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

// connectionOf returns the connection of a request. It is nil if a test calls a handler directly.
func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}
