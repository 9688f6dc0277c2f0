package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A client that sends a request slowly, or not to its end, does not hold a connection. If it has
// not sent the whole header, it is cut off. If it has, it gets an answer first.
func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	const head = "POST " + accountsPath + " HTTP/1.1\r\nHost: billing\r\n"
	for name, c := range map[string]struct {
		sent   string
		change with
		status int // 0: no answer
	}{
		"a header that does not end": {head, func(s *server) {
			s.settings.readHeaderTimeout = 50 * time.Millisecond
		}, 0},
		"a body that does not end": {
			head + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{", func(s *server) {
				s.settings.readTimeout = 200 * time.Millisecond
			},
			http.StatusRequestTimeout,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := start(t, c.change)
			conn, err := net.Dial("tcp", strings.TrimPrefix(client.url, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
			_, err = io.WriteString(conn, c.sent)
			require.NoError(t, err)
			in := bufio.NewReader(conn)
			if c.status != 0 {
				answer, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				defer answer.Body.Close()
				require.Equal(t, c.status, answer.StatusCode)
				var p struct{ Code string }
				require.NoError(t, json.NewDecoder(answer.Body).Decode(&p))
				require.Equal(t, codeBodyTimeout, p.Code)
				_, err = io.Copy(io.Discard, answer.Body)
				require.NoError(t, err)
			}
			_, err = in.ReadByte()
			require.ErrorIs(t, err, io.EOF, "the connection is closed")
			require.Eventually(t, func() bool { // a client that is too slow is cut off, too
				r, err := client.try(http.MethodGet, "/livez", "")
				return err == nil && r.status == http.StatusOK
			}, time.Minute, time.Millisecond, "others are served")
		})
	}
}

// However many clients send a body slowly, they take no place among the requests that are handled.
func TestManySlowClientsStarveNobody(t *testing.T) {
	t.Parallel()
	const many = 1_500
	c := start(t)
	c.open("a")
	for range many {
		trickle(t, c)
	}
	for i := range 20 {
		r := c.post(accountsPath+"/a/credits", fmt.Sprint("t-", i), postBody(fmt.Sprint("t-", i), "1.00"))
		require.Equal(t, http.StatusCreated, r.status, r.text)
	}
	require.Equal(t, "20.00", c.posted("a"))
}

// When one client too many connects, the connection that has waited longest for its client is cut
// off. If the service was reading a body from it, the client gets an answer first.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 8
	c := start(t, func(s *server) {
		s.settings.connections, s.settings.readTimeout, s.settings.readHeaderTimeout = most, time.Hour, time.Hour
	})
	c.open("a")
	c.http.CloseIdleConnections()
	silent := make([]net.Conn, 3)
	for i := range silent {
		silent[i] = dial(t, c)
	}
	body := trickle(t, c)
	for range 3 * most {
		conn := dial(t, c)
		_, err := io.WriteString(conn, "GET "+accountsPath+"/a HTTP/1.1\r\nHost: billing\r\n\r\n")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answered(t, conn))
	}
	for _, conn := range silent {
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "cut off")
	}
	require.Equal(t, http.StatusRequestTimeout, answered(t, body))
}

// timid is a connection that fails the test if it is ended without the lock of its listener.
type timid struct {
	net.Conn
	t      *testing.T
	of     *connections
	closed bool
	late   bool // reading has ended
}

func (c *timid) locked() {
	if c.of.mu.TryLock() {
		c.of.mu.Unlock()
		c.t.Error("a request may be handled meanwhile")
	}
}

func (c *timid) SetReadDeadline(time.Time) error {
	c.locked()
	c.late = true
	return nil
}

func (c *timid) Close() error {
	c.locked()
	c.closed = true
	return nil
}

type timidListener struct {
	net.Listener
	next *timid
}

func (l *timidListener) Accept() (net.Conn, error) { return l.next, nil }

// A connection is either cut off or its request is handled, never both.
func TestRequestIsHandledOrCutOff(t *testing.T) {
	t.Parallel()
	listener := &timidListener{}
	l := &connections{Listener: listener, most: 1}
	connect := func() (*connection, *timid) {
		listener.next = &timid{t: t, of: l}
		accepted, err := l.Accept()
		require.NoError(t, err)
		return accepted.(*connection), listener.next
	}
	handled := 0
	handler := received(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { handled++ }))
	ask := func(c *connection) int {
		l.changed(c, http.StateActive)
		r := httptest.NewRequest(http.MethodGet, accountsPath, nil)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r.WithContext(withConnection(r.Context(), c)))
		return w.Code
	}
	first, wire := connect()
	require.Equal(t, http.StatusOK, ask(first))
	second, cut := connect() // nobody waits but itself
	require.True(t, cut.closed)
	require.False(t, wire.closed || wire.late, "its request is handled")
	require.Equal(t, http.StatusRequestTimeout, ask(second))

	first.wait()
	_, wire2 := connect()
	require.True(t, wire.closed)
	require.False(t, wire2.closed)
	require.Equal(t, http.StatusRequestTimeout, ask(first))

	third, wire := connect()
	require.True(t, wire2.closed)
	third.receive()
	connect()
	require.True(t, wire.late)
	require.False(t, wire.closed, "its handler tells the client")
	r, w := httptest.NewRequest(http.MethodGet, accountsPath, nil), httptest.NewRecorder()
	handler.ServeHTTP(w, r.WithContext(withConnection(r.Context(), third)))
	require.Equal(t, http.StatusRequestTimeout, w.Code)
	require.Equal(t, "close", w.Header().Get("Connection"))
	require.Contains(t, w.Body.String(), codeBodyTimeout)
	require.Equal(t, 1, handled)
}

// A request that is handled is not cut off, however many connect.
func TestConnectionWithARequestIsKept(t *testing.T) {
	t.Parallel()
	store := newSlow()
	c := start(t, slowStore(store), func(s *server) { s.settings.connections = 4 })
	answer := make(chan reply, 1)
	go func() {
		r, err := c.try(http.MethodPost, accountsPath, createBody("a"))
		if err != nil {
			t.Error(err)
		}
		answer <- r
	}()
	<-store.entered
	for range 20 {
		dial(t, c)
	}
	close(store.let)
	require.Equal(t, http.StatusCreated, (<-answer).status)
}

func dial(t *testing.T, c *client) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// trickle begins a request and sends six bytes of its body. It returns when the service reads the
// body.
func trickle(t *testing.T, c *client) net.Conn {
	t.Helper()
	conn := dial(t, c)
	_, err := io.WriteString(conn, "POST "+accountsPath+" HTTP/1.1\r\nHost: billing\r\nContent-Type: "+
		"application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, http.StatusContinue, answered(t, conn))
	_, err = io.WriteString(conn, "{\"id\":")
	require.NoError(t, err)
	return conn
}

// answered reads one answer and returns its status.
func answered(t *testing.T, conn net.Conn) int {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	return answer.StatusCode
}

// deaf is the answer to a client that does not read.
type deaf struct {
	http.ResponseWriter
	begun, let chan struct{}
}

func (d *deaf) Write(b []byte) (int, error) {
	close(d.begun)
	<-d.let
	return len(b), nil
}

// A client that does not read its answer takes no place among the requests that are handled.
func TestSlowReadersStarveNobody(t *testing.T) {
	t.Parallel()
	h := bounded(settings{inFlight: 1, requestTimeout: time.Hour},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, "answer")
		}))
	slow := &deaf{ResponseWriter: httptest.NewRecorder(), begun: make(chan struct{}), let: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.ServeHTTP(slow, httptest.NewRequest(http.MethodGet, "/", nil))
	}()
	<-slow.begun
	other := httptest.NewRecorder()
	h.ServeHTTP(other, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusAccepted, other.Code)
	require.Equal(t, "answer", other.Body.String())
	close(slow.let)
	<-ended
}

// The time to read a request does not bound the time to handle it.
func TestHandlingMayTakeLongerThanReading(t *testing.T) {
	t.Parallel()
	const readTimeout = 200 * time.Millisecond
	store := newSlow()
	c := start(t, slowStore(store), func(s *server) { s.settings.readTimeout = readTimeout })
	answer := make(chan reply, 1)
	go func() {
		r, err := c.try(http.MethodPost, accountsPath, createBody("a"))
		if err != nil {
			t.Error(err)
		}
		answer <- r
	}()
	select {
	case <-store.entered:
		<-time.After(3 * readTimeout)
		close(store.let)
		r := <-answer
		require.Equal(t, http.StatusCreated, r.status, r.text)
	case r := <-answer: // on a machine so busy that the request was not even read in time
		require.Equal(t, http.StatusRequestTimeout, r.status, r.text)
	}
}
