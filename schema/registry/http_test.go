package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

const (
	user     = "svc"
	password = "s3cret/+@"
)

// protocol serves a Memory over the REST protocol.
func protocol(m *registry.Memory) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, r schema.Registered, withVersion bool, err error) {
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		status, code := 0, 0
		switch {
		case errors.Is(err, schema.ErrNotFound):
			status, code = 404, 40403
		case errors.Is(err, schema.ErrIncompatible):
			status, code = 409, 409
		case errors.Is(err, schema.ErrInvalidSchema):
			status, code = 422, 42201
		case err != nil:
			status, code = 500, 50001
		}
		if err != nil {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]any{"error_code": code, "message": err.Error()})
			return
		}
		body := map[string]any{"id": r.ID, "schema": r.Text}
		if withVersion {
			body["subject"], body["version"] = r.Subject, r.Version
		}
		_ = json.NewEncoder(w).Encode(body)
	}
	text := func(req *http.Request) string {
		var body struct{ Schema string }
		_ = json.NewDecoder(req.Body).Decode(&body)
		return body.Schema
	}
	mux.HandleFunc("GET /schemas/ids/{id}", func(w http.ResponseWriter, req *http.Request) {
		id, _ := strconv.Atoi(req.PathValue("id"))
		found, err := m.Schema(req.Context(), id)
		answer(w, schema.Registered{ID: id, Text: found}, false, err)
	})
	mux.HandleFunc("POST /subjects/{subject}", func(w http.ResponseWriter, req *http.Request) {
		r, err := m.Find(req.Context(), req.PathValue("subject"), text(req))
		answer(w, r, true, err)
	})
	mux.HandleFunc("POST /subjects/{subject}/versions", func(w http.ResponseWriter, req *http.Request) {
		r, err := m.Register(req.Context(), req.PathValue("subject"), text(req))
		answer(w, r, false, err)
	})
	mux.HandleFunc("GET /subjects/{subject}/versions/latest", func(w http.ResponseWriter, req *http.Request) {
		r, err := m.Latest(req.Context(), req.PathValue("subject"))
		answer(w, r, true, err)
	})
	mux.HandleFunc("GET /subjects/{subject}/versions", func(w http.ResponseWriter, req *http.Request) {
		versions, err := m.Versions(req.Context(), req.PathValue("subject"))
		if err != nil {
			answer(w, schema.Registered{}, false, err)
			return
		}
		numbers := make([]int, len(versions))
		for i, v := range versions {
			numbers[i] = v.Version
		}
		_ = json.NewEncoder(w).Encode(numbers)
	})
	mux.HandleFunc("GET /subjects/{subject}/versions/{version}", func(w http.ResponseWriter, req *http.Request) {
		versions, err := m.Versions(req.Context(), req.PathValue("subject"))
		number, _ := strconv.Atoi(req.PathValue("version"))
		if err != nil || number < 1 || number > len(versions) {
			answer(w, schema.Registered{}, false, schema.ErrNotFound)
			return
		}
		answer(w, versions[number-1], true, nil)
	})
	mux.HandleFunc("GET /subjects", func(w http.ResponseWriter, req *http.Request) {
		subjects, _ := m.Subjects(req.Context())
		_ = json.NewEncoder(w).Encode(subjects)
	})
	mux.HandleFunc("PUT /config/{subject}", func(w http.ResponseWriter, req *http.Request) {
		var body struct{ Compatibility change.Compatibility }
		_ = json.NewDecoder(req.Body).Decode(&body)
		_ = m.SetCompatibility(req.Context(), req.PathValue("subject"), body.Compatibility)
		_ = json.NewEncoder(w).Encode(map[string]any{"compatibility": body.Compatibility})
	})
	return mux
}

func serve(tb testing.TB, h http.Handler) string {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	return s.URL
}

// connect returns a client that does not wait between attempts; waits gets what it would have
// waited.
func connect(tb testing.TB, url string, cfg registry.HTTPConfig) (h *registry.HTTP, waits *[]time.Duration) {
	tb.Helper()
	waits = new([]time.Duration)
	if cfg.Wait == nil {
		cfg.Wait = func(ctx context.Context, d time.Duration) error {
			*waits = append(*waits, d)
			return ctx.Err()
		}
	}
	h, err := registry.NewHTTP(url, cfg)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, h.Close()) })
	return h, waits
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	url := serve(t, protocol(registry.NewMemory()))
	testRegistry(t, "http", func(t *testing.T) registry.Registry {
		t.Helper()
		h, _ := connect(t, url, registry.HTTPConfig{})
		return h
	})
}

func TestHTTPTriesAgain(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	serveMemory := protocol(m)
	var requests atomic.Int32
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch requests.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2: // hang up without an answer
			panic(http.ErrAbortHandler)
		case 3: // hang up within the answer
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"id":1`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			serveMemory.ServeHTTP(w, req)
		}
	}))
	h, waits := connect(t, url, registry.HTTPConfig{Backoff: time.Second, Attempts: 4})
	is, err := m.Register(t.Context(), "s", v1)
	require.NoError(t, err)
	// A POST, as net/http repeats a GET by itself.
	found, err := h.Find(t.Context(), "s", v1)
	require.NoError(t, err)
	require.Equal(t, is, found)
	require.EqualValues(t, 4, requests.Load())
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, *waits)
}

func TestHTTPBackoffIsBounded(t *testing.T) {
	t.Parallel()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
	}))
	h, waits := connect(t, url, registry.HTTPConfig{Backoff: 2 * time.Second, Attempts: 5})
	_, err := h.Latest(t.Context(), "s")
	require.ErrorIs(t, err, schema.ErrUnavailable)
	require.Equal(t, []time.Duration{2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second}, *waits)
}

func TestHTTPRegistryAway(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + l.Addr().String()
	require.NoError(t, l.Close())
	h, waits := connect(t, "http://"+user+":hush@"+strings.TrimPrefix(url, "http://"), registry.HTTPConfig{})
	_, err = h.Find(t.Context(), "s", v1)
	require.ErrorIs(t, err, schema.ErrUnavailable)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Len(t, *waits, 3)
	require.ErrorContains(t, err, ": 4 attempts, the last: Post ")
	require.ErrorContains(t, err, url)
	require.ErrorContains(t, err, "check that the registry runs")
	require.NotContains(t, err.Error(), "hush")
	require.NotContains(t, err.Error(), user)
}

func TestHTTPHonoursContext(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	url := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body) // else the server does not notice that the client left
		arrived <- struct{}{}
		<-req.Context().Done()
	}))
	h, _ := connect(t, url, registry.HTTPConfig{Timeout: time.Hour})

	why := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(why)
	}()
	_, err := h.Find(ctx, "s", v1)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, why)
	require.NotErrorIs(t, err, schema.ErrUnavailable)

	late, cancelLate := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancelLate()
	_, err = h.Find(late, "s", v1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, schema.ErrUnavailable)
}

func TestHTTPContextEndsWait(t *testing.T) {
	t.Parallel()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	h, _ := connect(t, url, registry.HTTPConfig{Wait: func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}})
	_, err := h.Latest(ctx, "s")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "attempt 1")
}

// silent is a network that takes requests and never answers.
type silent struct{ requests atomic.Int32 }

func (s *silent) RoundTrip(req *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestHTTPTimesOut(t *testing.T) {
	t.Parallel()
	var network silent // and no server, which a busy machine may not reach within the time
	h, _ := connect(t, "http://registry:8081",
		registry.HTTPConfig{Timeout: 20 * time.Millisecond, Attempts: 2, Transport: &network})
	_, err := h.Latest(t.Context(), "s")
	require.ErrorIs(t, err, schema.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.EqualValues(t, 2, network.requests.Load())
}

func TestHTTPAuthenticates(t *testing.T) {
	t.Parallel()
	testAuthenticates(t, protocol(registry.NewMemory()), "memory")
}

// testAuthenticates checks a registry behind basic authentication: h speaks its protocol.
func testAuthenticates(t *testing.T, h http.Handler, prefix string) {
	t.Helper()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if u, p, _ := req.BasicAuth(); u != user || p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, req)
	}))
	host := strings.TrimPrefix(url, "http://")
	for name, test := range map[string]struct {
		url    string
		cfg    registry.HTTPConfig
		denied bool
	}{
		"in the config":        {url, registry.HTTPConfig{Username: user, Password: password}, false},
		"in the URL":           {"http://svc:s3cret%2F+%40@" + host + "/", registry.HTTPConfig{}, false},
		"config before URL":    {"http://a:b@" + host, registry.HTTPConfig{Username: user, Password: password}, false},
		"wrong":                {url, registry.HTTPConfig{Username: user, Password: "hush"}, true},
		"wrong in the URL":     {"http://svc:hush@" + host, registry.HTTPConfig{}, true},
		"none where one needs": {url, registry.HTTPConfig{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := connect(t, test.url, test.cfg)
			require.Equal(t, url, h.URL())
			_, err := h.Register(t.Context(), prefix+t.Name(), v1)
			if !test.denied {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, schema.ErrUnauthorized)
			require.NotContains(t, err.Error(), "hush")
		})
	}
}

func TestHTTPRemembersOnlyIDs(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	serveMemory := protocol(m)
	var requests atomic.Int32
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		requests.Add(1)
		serveMemory.ServeHTTP(w, req)
	}))
	h, _ := connect(t, url, registry.HTTPConfig{})
	is, err := m.Register(t.Context(), "s", v1)
	require.NoError(t, err)
	for range 3 {
		_, err = h.Schema(t.Context(), is.ID)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, requests.Load())
	for range 3 {
		_, err = h.Schema(t.Context(), 99)
		require.ErrorIs(t, err, schema.ErrNotFound)
	}
	require.EqualValues(t, 1+3*registry.DefaultAttempts, requests.Load())
}

func TestHTTPChecksTextBeforeAsking(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	url := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	h, _ := connect(t, url, registry.HTTPConfig{})
	_, err := h.Register(t.Context(), "s", `{"type":"record"}`)
	require.ErrorIs(t, err, schema.ErrInvalidSchema)
	require.Zero(t, requests.Load())
}

func TestHTTPCloses(t *testing.T) {
	t.Parallel()
	closed, once := make(chan struct{}), sync.Once{}
	s := httptest.NewUnstartedServer(protocol(registry.NewMemory()))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			once.Do(func() { close(closed) })
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	h, _ := connect(t, s.URL, registry.HTTPConfig{})
	_, err := h.Latest(t.Context(), "s")
	require.ErrorIs(t, err, schema.ErrNotFound)
	require.NoError(t, h.Close())
	require.NoError(t, h.Close())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case <-closed:
	case <-ctx.Done():
		t.Fatal("the connection is still open")
	}
}

func TestNewHTTPReportsAllMistakes(t *testing.T) {
	t.Parallel()
	_, err := registry.NewHTTP("ftp://svc:hush@host", registry.HTTPConfig{Timeout: -1, Password: "hush"})
	require.ErrorContains(t, err, "ftp://")
	require.ErrorContains(t, err, "Timeout -1ns")
	require.ErrorContains(t, err, "without a Username")
	require.NotContains(t, err.Error(), "hush")
	for _, url := range []string{"", "host:8081", "http://", "http://h?x=1", "http://svc:hu/sh@h", "http://h\x00"} {
		_, err := registry.NewHTTP(url, registry.HTTPConfig{})
		require.ErrorContains(t, err, "http://registry:8081", "%q", url)
		require.NotContains(t, err.Error(), "hu/sh")
	}
}

// discardLog is for servers whose clients break off on purpose.
func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
