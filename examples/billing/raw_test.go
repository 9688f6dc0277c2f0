package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// raw sends bytes as they are, and returns the last answer. An answer before it may say to
// continue.
func (c *client) raw(method, sent string) reply {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	require.NoError(c.t, err)
	defer conn.Close()
	require.NoError(c.t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, sent)
	require.NoError(c.t, err)
	in := bufio.NewReader(conn)
	for {
		answer, err := http.ReadResponse(in, &http.Request{Method: method})
		require.NoError(c.t, err, "%q", sent)
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		require.NoError(c.t, err, "%q", sent)
		if answer.StatusCode >= http.StatusOK {
			return reply{answer.StatusCode, answer.Header, string(text)}
		}
	}
}

// Every answer that is no success is a problem, whatever was sent. So are the answers that the HTTP
// server makes without a handler, and those for which its router would send a page.
func TestEveryAnswerIsAProblem(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	const host = " HTTP/1.1\r\nHost: billing\r\n"
	post := func(headers, body string) string { return "POST /v1/accounts" + host + headers + "\r\n" + body }
	asJSON := func(headers, body string) string { return post("Content-Type: application/json\r\n"+headers, body) }
	for _, r := range []struct {
		name, sent string
		status     int
		code       string
	}{
		{"no request at all", "hello\r\n\r\n", 400, codeMalformed},
		{"HTTP/0.9", "GET /v1/accounts\r\n\r\n", 400, codeMalformed},
		{"a later version", "GET / HTTP/3.0\r\nHost: b\r\n\r\n", 505, codeVersion},
		{"HTTP/2 without a word", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 405, codeMethodNotAllowed},
		{"no such version", "GET / HTTP/1.x\r\nHost: b\r\n\r\n", 400, codeMalformed},
		{"a method that is none", "GE(T /livez" + host + "\r\n", 400, codeMalformed},
		{"a path with a space", "GET /v1/acc ounts" + host + "\r\n", 400, codeMalformed},
		{"a percent sign alone", "GET /%zz" + host + "\r\n", 400, codeMalformed},
		{"a percent sign alone in an id", "GET /v1/accounts/%" + host + "\r\n", 400, codeMalformed},
		{"a target that is none", "GET billing" + host + "\r\n", 400, codeMalformed},
		{"no host", "GET /livez HTTP/1.1\r\n\r\n", 400, codeMalformed},
		{"two hosts", "GET /livez" + host + "Host: b\r\n\r\n", 400, codeMalformed},
		{"a host that is none", "GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n", 400, codeMalformed},
		{"a header without a colon", "GET /livez" + host + "nothing\r\n\r\n", 400, codeMalformed},
		{"a header's name with a space", "GET /livez" + host + "a b: c\r\n\r\n", 400, codeMalformed},
		{"a header with NUL", "GET /livez" + host + "a: \x00\r\n\r\n", 400, codeMalformed},
		{
			"headers without end", "GET /livez" + host + "a: " + strings.Repeat("x", 3*maxHeaderBytes) + "\r\n\r\n",
			431,
			codeHeadersTooLarge,
		},
		{
			"a target without end", "GET /" + strings.Repeat("x", 3*maxHeaderBytes) + host + "\r\n", 431,
			codeHeadersTooLarge,
		},
		{"an unknown coding", asJSON("Transfer-Encoding: gzip\r\n", ""), 501, codeTransferCoding},
		{"two codings", asJSON("Transfer-Encoding: chunked, gzip\r\n", ""), 501, codeTransferCoding},
		{"two lengths", asJSON("Content-Length: 1\r\nContent-Length: 2\r\n", "12"), 400, codeMalformed},
		{"a length that is none", asJSON("Content-Length: -1\r\n", "1"), 400, codeMalformed},
		{"a wish", "GET /livez" + host + "Expect: the-best\r\n\r\n", 417, codeExpectation},
		{"a wish in HTTP/1.0", "GET /livez HTTP/1.0\r\nExpect: the-best\r\n\r\n", 417, codeExpectation},
		{"a wish with a body", asJSON("Expect: a-pony\r\nContent-Length: 2\r\n", "{}"), 417, codeExpectation},

		{"the root", "GET /" + host + "\r\n", 404, codeNoSuchRoute},
		{"no path", "GET http://billing" + host + "\r\n", 404, codeNoSuchRoute},
		{"two slashes", "GET //" + host + "\r\n", 404, codeNoSuchRoute},
		{"two slashes within", "GET /v1//accounts" + host + "\r\n", 404, codeNoSuchRoute},
		{"two slashes for an id", "GET /v1/accounts//balance" + host + "\r\n", 404, codeNoSuchRoute},
		{"dots", "GET /v1/../livez" + host + "\r\n", 404, codeNoSuchRoute},
		{"a dot", "GET /v1/./accounts" + host + "\r\n", 404, codeNoSuchRoute},
		{"a slash at the end", "GET /v1/accounts/" + host + "\r\n", 404, codeNoSuchRoute},
		{"a slash at the end of a page", "GET /livez/" + host + "\r\n", 404, codeNoSuchRoute},
		{"POST to two slashes", "POST //v1/accounts" + host + "Content-Length: 0\r\n\r\n", 404, codeNoSuchRoute},
		{"upper case", "GET /V1/accounts" + host + "\r\n", 404, codeNoSuchRoute},
		{"bytes that are no text", "GET /\xff\xfe" + host + "\r\n", 404, codeNoSuchRoute},
		{"an absolute target", "GET http://elsewhere/v1/nothing" + host + "\r\n", 404, codeNoSuchRoute},
		{"HTTP/1.0", "GET /v1/nothing HTTP/1.0\r\n\r\n", 404, codeNoSuchRoute},
		{"HEAD", "HEAD /v1/nothing" + host + "\r\n", 404, ""},
		{
			"an upgrade", "GET /v1/nothing" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 404,
			codeNoSuchRoute,
		},

		{"DELETE", "DELETE /v1/accounts" + host + "\r\n", 405, codeMethodNotAllowed},
		{"an own method", "BREW /v1/accounts/a" + host + "\r\n", 405, codeMethodNotAllowed},
		{"OPTIONS", "OPTIONS /v1/accounts" + host + "\r\n", 405, codeMethodNotAllowed},
		{"OPTIONS of all", "OPTIONS *" + host + "\r\n", 405, codeMethodNotAllowed},
		{"TRACE", "TRACE /v1/accounts" + host + "\r\n", 405, codeMethodNotAllowed},
		{"CONNECT", "CONNECT billing:80" + host + "\r\n", 405, codeMethodNotAllowed},
		{"CONNECT to a path", "CONNECT /v1/accounts" + host + "\r\n", 405, codeMethodNotAllowed},
		{"POST to livez", "POST /livez" + host + "Content-Length: 0\r\n\r\n", 405, codeMethodNotAllowed},
		{"OPTIONS of readyz", "OPTIONS /readyz" + host + "\r\n", 405, codeMethodNotAllowed},
		{"DELETE of metrics", "DELETE /metrics" + host + "\r\n", 405, codeMethodNotAllowed},
		{"PUT to docs", "PUT /docs" + host + "Content-Length: 0\r\n\r\n", 405, codeMethodNotAllowed},
		{"HEAD of what takes POST alone", "HEAD /v1/accounts/a/credits" + host + "\r\n", 405, ""},

		{"no body", asJSON("Content-Length: 0\r\n", ""), 400, codeMalformed},
		{"no length", asJSON("", ""), 400, codeMalformed},
		{"broken chunks", asJSON("Transfer-Encoding: chunked\r\n", "zz\r\n"), 400, codeMalformed},
		{"a body with GET", "GET /v1/accounts" + host + "Content-Length: 2\r\n\r\n{}", 400, codeMalformed},
		{
			"chunks with GET", "GET /v1/accounts" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
			codeMalformed,
		},
		{
			"one type too many", asJSON("Content-Type: application/json\r\nContent-Length: 2\r\n", "{}"), 400,
			codeMalformed,
		},
		{
			"two keys", asJSON("Idempotency-Key: a\r\nIdempotency-Key: a\r\nContent-Length: 2\r\n", "{}"), 400,
			codeMalformed,
		},
		{
			"two correlation ids", "GET /v1/accounts" + host + "X-Correlation-ID: a\r\nX-Correlation-ID: b\r\n\r\n",
			400,
			codeMalformed,
		},
		{"no JSON with a wish", asJSON("Expect: 100-continue\r\nContent-Length: 1\r\n", "{"), 400, codeMalformed},
		{"a query that is none", "GET /v1/accounts?a=%zz" + host + "\r\n", 400, codeMalformed},
		{"a query with a semicolon", "GET /v1/accounts?limit=1;after=a" + host + "\r\n", 400, codeMalformed},
		{
			"nothing that is known is accepted", "GET /v1/accounts" + host + "Accept: text/xml\r\n\r\n", 406,
			codeNotAcceptable,
		},
		{
			"JSON is not accepted", "GET /v1/accounts" + host + "Accept: application/json;q=0, */*\r\n\r\n", 406,
			codeNotAcceptable,
		},
		{"too long", asJSON("Content-Length: 17000\r\n", strings.Repeat(" ", 17000)), 413, codeBodyTooLarge},
		{
			"too many chunks", asJSON("Transfer-Encoding: chunked\r\n",
				"4268\r\n"+strings.Repeat(" ", 0x4268)+"\r\n0\r\n\r\n"),
			413, codeBodyTooLarge,
		},
		{"no type", post("Content-Length: 2\r\n", "{}"), 415, codeMediaType},
		{"another type", post("Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}"), 415, codeMediaType},
		{
			"a type in it", post("Content-Type: application/problem+json\r\nContent-Length: 2\r\n", "{}"), 415,
			codeMediaType,
		},
		{
			"another charset", post("Content-Type: application/json; charset=utf-16\r\nContent-Length: 2\r\n", "{}"),
			415,
			codeMediaType,
		},
		{"a parameter", post("Content-Type: application/json; v=1\r\nContent-Length: 2\r\n", "{}"), 415, codeMediaType},
		{"compressed", asJSON("Content-Encoding: gzip\r\nContent-Length: 2\r\n", "{}"), 415, codeMediaType},
		{
			"compressed twice", asJSON("Content-Encoding: identity, br\r\nContent-Length: 2\r\n", "{}"), 415,
			codeMediaType,
		},
		{"an empty key", asJSON("Idempotency-Key:\r\nContent-Length: 2\r\n", "{}"), 422, "InvalidId"},
		{"a key that is no text", asJSON("Idempotency-Key: \xff\r\nContent-Length: 2\r\n", "{}"), 422, "InvalidId"},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			c := &client{t: t, url: c.url}
			method, _, _ := strings.Cut(r.sent, " ")
			answer := c.raw(method, r.sent)
			require.Equal(t, r.status, answer.status, answer.text)
			require.Equal(t, problemType, answer.header.Get("Content-Type"))
			require.NotEmpty(t, answer.header.Get(correlationHeader))
			if r.code == "" {
				require.Empty(t, answer.text)
			} else {
				require.Equal(t, r.code, answer.code(t))
			}
			require.Equal(t, r.status == http.StatusMethodNotAllowed, answer.header.Get("Allow") != "")
		})
	}
	require.Equal(t, http.StatusOK,
		c.raw("GET", "GET http://elsewhere/v1/accounts/a HTTP/1.1\r\nHost: billing\r\n\r\n").status)
	require.Equal(t, http.StatusOK, c.raw("GET", "GET /v1/accounts/a HTTP/1.0\r\n\r\n").status)
	for _, accept := range []string{"Accept:\r\n", "Accept: , ,\r\n", "Accept:\r\nAccept: ,application/json\r\n"} {
		require.Equal(t, http.StatusOK, c.raw("GET", "GET /v1/accounts/a"+host+accept+"\r\n").status, accept)
	}
	require.Equal(t, http.StatusOK, c.raw("GET", "GET /v1/accounts/%61"+host+"Content-Length: 0\r\nAccept: "+
		"text/html, application/*;q=0.1\r\n\r\n").status)
	require.Equal(t, http.StatusCreated, c.raw("POST",
		asJSON("Content-Encoding: identity\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n",
			chunked(createBody("b")))).status)
	require.Equal(t, http.StatusCreated, c.raw("POST",
		post("Content-Type: Application/JSON; charset=UTF-8\r\nTransfer-Encoding: chunked\r\n",
			chunked(createBody("c")))).status)
}

// chunked returns the body with each byte in a separate chunk.
func chunked(body string) string {
	var b strings.Builder
	for i := range len(body) {
		b.WriteString("1\r\n" + body[i:i+1] + "\r\n")
	}
	return b.String() + "0\r\n\r\n"
}

// If an answer to one client has a text of another, it is never taken for an answer of the HTTP
// server.
func TestOnlyTheServersOwnAnswersAreChanged(t *testing.T) {
	t.Parallel()
	id := func() string { return "id" }
	for _, b := range []string{
		"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 400 Bad Request", "HTTP/1.1 417 Expectation Failed x\r\n",
		"HTTP/1.1 417\r\n",
		"x HTTP/1.1 417 Expectation Failed\r\n", "HTTP/1.1 x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
		"HTTP/1.1 417 x\"}]}\n\r\n0\r\n\r\n",
	} {
		_, changed := asProblem([]byte(b), id)
		require.False(t, changed, b)
	}
	const own = "HTTP/1.1 400 Bad Request: too bad\r\nConnection: close\r\n\r\n400"
	answer, changed := asProblem([]byte(own), id)
	require.True(t, changed)
	response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(answer))), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	var p problem
	require.NoError(t, json.NewDecoder(response.Body).Decode(&p))
	require.Contains(t, p.Detail, "too bad")
	require.True(t, response.Close)

	wire := &fakeConn{}
	c := &connection{Conn: wire, of: &connections{newID: id}}
	c.answer()
	_, err = c.Write([]byte(own))
	require.NoError(t, err)
	require.Equal(t, own, wire.String(), "a handler's answer, whatever it is")
	c.of.changed(c, http.StateIdle)
	wire.Reset()
	_, err = c.Write([]byte(own))
	require.NoError(t, err)
	require.Contains(t, wire.String(), codeMalformed)
}

// fakeConn keeps what is written.
type fakeConn struct {
	net.Conn
	bytes.Buffer
}

func (c *fakeConn) Write(b []byte) (int, error) { return c.Buffer.Write(b) }

func (c *fakeConn) Read(b []byte) (int, error) { return c.Buffer.Read(b) }

// Pages arrive whole wherever they are cut on their way, whatever correlation ids the events have.
func TestPagesAreWholeWhateverClientsSent(t *testing.T) {
	t.Parallel()
	const credits = 40
	c := start(t)
	c.open("a")
	status := strings.Repeat("HTTP/1.1 417 ", eventstore.MaxIDBytes/len("HTTP/1.1 417 "))
	status = strings.TrimSpace(status)
	for i := range credits {
		r := c.do(http.MethodPost, accountsPath+"/a/credits", postBody(fmt.Sprint("t-", i), "1.00"), correlationHeader,
			status)
		require.Equal(t, http.StatusCreated, r.status, r.text)
	}
	for limit := 1; limit <= credits+1; limit++ {
		r := c.do(http.MethodGet, fmt.Sprint(accountsPath, "/a/events?limit=", limit), "")
		isWhole(t, r, limit, status)
	}
	for i := 1; i <= eventstore.MaxIDBytes; i++ { // the longer the header is, the earlier the body is cut
		const fits = 8 // events in two buffers of the server
		r := c.do(http.MethodGet, fmt.Sprint(accountsPath, "/a/events?limit=", fits), "", correlationHeader,
			strings.Repeat("x", i))
		isWhole(t, r, fits, status)
	}
}

func isWhole(t *testing.T, r reply, events int, conversation string) {
	t.Helper()
	var page eventsBody
	r.as(t, &page)
	require.Len(t, page.Events, events)
	for _, e := range page.Events[1:] {
		require.Equal(t, conversation, e.CorrelationID)
	}
}
