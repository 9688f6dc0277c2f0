package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// client speaks to a running service.
type client struct {
	t    testing.TB
	url  string
	http *http.Client
	stop func() error // stops the service and waits until it is gone
}

// with changes what a service is started with.
type with func(*server)

// start runs the service in memory until the test ends, and waits until it serves.
func start(t testing.TB, changes ...with) *client {
	t.Helper()
	c, s := launch(t, nil, changes...)
	<-s.ready
	return c
}

// launch runs the service until the test ends.
func launch(t testing.TB, env map[string]string, changes ...with) (*client, *server) {
	t.Helper()
	settings, err := settingsFrom(getenvOf(env))
	require.NoError(t, err)
	telemetry, err := newTelemetry(t.Context(), getenvOf(env))
	require.NoError(t, err)
	s := newServer(settings, telemetry, slog.New(slog.NewTextHandler(t.Output(), nil)))
	for _, change := range changes {
		change(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, listener) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	c := &client{t: t, url: "http://" + listener.Addr().String(), http: &http.Client{Transport: transport}}
	stopped := false
	c.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-ended
		transport.CloseIdleConnections()
		return err
	}
	t.Cleanup(func() { require.NoError(t, c.stop()) })
	return c, s
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	text   string
}

// as decodes the answer.
func (r reply) as(t testing.TB, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.text), into), r.text)
}

func (r reply) code(t testing.TB) string {
	t.Helper()
	var p problem
	r.as(t, &p)
	require.Equal(t, problemType, r.header.Get("Content-Type"))
	require.Equal(t, r.status, p.Status)
	require.Equal(t, "urn:fencelog:problem:"+p.Code, p.Type)
	require.NotEmpty(t, p.Title)
	require.NotEmpty(t, p.Detail)
	require.Equal(t, r.header.Get(correlationHeader), p.CorrelationID)
	return p.Code
}

// try sends a request, the body as JSON if there is one.
func (c *client) try(method, path, body string, headers ...string) (reply, error) {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, reader)
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(text)}, err
}

func (c *client) do(method, path, body string, headers ...string) reply {
	c.t.Helper()
	r, err := c.try(method, path, body, headers...)
	require.NoError(c.t, err)
	return r
}

func (c *client) post(path, key, body string) reply {
	c.t.Helper()
	return c.do(http.MethodPost, path, body, "Idempotency-Key", key)
}

// open creates an account in USD.
func (c *client) open(id string) {
	c.t.Helper()
	r := c.post(accountsPath, "open-"+strings.ReplaceAll(id, "/", ":"), createBody(id))
	require.Equal(c.t, http.StatusCreated, r.status, r.text)
}

func createBody(id string) string {
	return `{"id":"` + id + `","ownerId":"user-1","ownerType":"USER","accountType":"USER","currency":"USD"}`
}

func postBody(transaction, amount string) string {
	return `{"transactionId":"` + transaction + `","entryType":"TOPUP","amount":"` + amount +
		`","currency":"USD","contra":"bank"}`
}

func (c *client) posted(id string) string {
	c.t.Helper()
	r := c.do(http.MethodGet, accountsPath+"/"+id+"/balance", "")
	require.Equal(c.t, http.StatusOK, r.status, r.text)
	var b balanceBody
	r.as(c.t, &b)
	return b.Posted
}

// over makes the service use the memory store as change returns it.
func over(change func(eventstore.Store) eventstore.Store) with {
	return func(s *server) {
		s.connect = func(_ context.Context, _ settings, t *telemetry, _ *slog.Logger) (*backend, error) {
			b, err := inMemory(t)
			if err == nil {
				b.store = change(b.store)
			}
			return b, err
		}
	}
}

// memoryBackend returns a backend that outlives the services of a test that use it.
func memoryBackend(t *testing.T) *backend {
	t.Helper()
	none, err := newTelemetry(t.Context(), getenvOf(nil))
	require.NoError(t, err)
	b, err := inMemory(none)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.close()) })
	return b
}
