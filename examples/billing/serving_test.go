package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// slow is a store whose appends wait until the test lets them go, or until their context ends.
type slow struct {
	eventstore.Store
	entered chan struct{}
	let     chan struct{}
}

func (s *slow) Append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	s.entered <- struct{}{}
	select {
	case <-s.let:
		return s.Store.Append(ctx, c)
	case <-ctx.Done():
		return eventstore.Result{}, ctx.Err()
	}
}

func slowStore(s *slow) with {
	return over(func(store eventstore.Store) eventstore.Store { s.Store = store; return s })
}

func newSlow() *slow { return &slow{entered: make(chan struct{}, 100), let: make(chan struct{})} }

func TestBodiesAndHeadersAreBounded(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.do(http.MethodPost, accountsPath,
		strings.Replace(createBody("a"), "user-1", strings.Repeat("x", maxBodyBytes), 1))
	require.Equal(t, http.StatusRequestEntityTooLarge, r.status)
	require.Equal(t, "BodyTooLarge", r.code(t))
	r = c.do(http.MethodGet, accountsPath+"/a", "", "X-Large", strings.Repeat("x", 2*maxHeaderBytes))
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, r.status)
	require.Equal(t, "HeadersTooLarge", r.code(t))
	r = c.post(accountsPath, strings.Repeat("k", 256), createBody("a"))
	require.Equal(t, "InvalidId", r.code(t))
	require.Equal(t, "NoSuchRoute", c.do(http.MethodGet, "/nothing", "").code(t), "the service is well")
}

func TestRequestsAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	store := newSlow()
	c := start(t, slowStore(store), func(s *server) { s.settings.inFlight = 2 })
	var group sync.WaitGroup
	for i := range 2 {
		group.Go(func() {
			r, err := c.try(http.MethodPost, accountsPath, createBody(fmt.Sprint("a-", i)))
			if err != nil || r.status != http.StatusCreated {
				t.Errorf("%v %v", r, err)
			}
		})
		<-store.entered
	}
	r := c.do(http.MethodGet, accountsPath+"/a-0", "")
	require.Equal(t, http.StatusServiceUnavailable, r.status)
	require.Equal(t, "Unavailable", r.code(t))
	require.NotEmpty(t, r.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, c.do(http.MethodGet, "/readyz", "").status, "probes are answered nevertheless")
	close(store.let)
	group.Wait()
	require.Equal(t, http.StatusOK, c.do(http.MethodGet, accountsPath+"/a-0", "").status)
}

func TestRequestsEndInTime(t *testing.T) {
	t.Parallel()
	store := newSlow()
	c := start(t, slowStore(store), func(s *server) { s.settings.requestTimeout = 50 * time.Millisecond })
	r := c.post(accountsPath, "k", createBody("a"))
	require.Equal(t, http.StatusServiceUnavailable, r.status)
	require.Equal(t, "Unavailable", r.code(t))
	for range store.ReadStream(t.Context(), eventstore.Stream{Category: "Account", ID: "a"}, 1) {
		require.Fail(t, "it was stored")
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	connected, drained := make(chan struct{}), make(chan time.Time)
	c, s := launch(t, map[string]string{drainVariable: "2s"}, func(s *server) {
		s.after = func(d time.Duration) <-chan time.Time {
			if d != 2*time.Second {
				t.Errorf("it drains for %s", d)
			}
			return drained
		}
		s.connect = func(ctx context.Context, set settings, t *telemetry, logger *slog.Logger) (*backend, error) {
			<-connected
			return connect(ctx, set, t, logger)
		}
	})
	probe := func(path string, status int, says string) {
		t.Helper()
		r := c.do(http.MethodGet, path, "")
		var h health
		r.as(t, &h)
		require.Equal(t, status, r.status)
		require.Equal(t, says, h.Status)
	}
	probe("/livez", http.StatusOK, statusOK)
	probe("/readyz", http.StatusServiceUnavailable, statusStarting)
	r := c.do(http.MethodGet, accountsPath+"/a", "")
	require.Equal(t, http.StatusServiceUnavailable, r.status)
	require.Equal(t, "Unavailable", r.code(t))
	close(connected)
	<-s.ready
	probe("/readyz", http.StatusOK, statusOK)

	stopped := make(chan error, 1)
	go func() { stopped <- c.stop() }()
	require.Eventually(t, s.stopping.Load, time.Minute, time.Millisecond)
	probe("/readyz", http.StatusServiceUnavailable, statusStopping)
	probe("/livez", http.StatusOK, statusOK)
	c.open("a") // balancers have yet to notice
	close(drained)
	require.NoError(t, <-stopped)
}

// Clients keep on posting while the service is told to stop. Everything that was stored was
// answered, and everything that was answered was stored.
func TestGracefulStopLosesNothing(t *testing.T) {
	t.Parallel()
	const clients, enough = 16, 300
	store := memoryBackend(t)
	c := start(t, func(s *server) {
		s.connect = func(context.Context, settings, *telemetry, *slog.Logger) (*backend, error) {
			b := *store
			b.close = func() error { return nil }
			return &b, nil
		}
	})
	for i := range clients {
		c.open(fmt.Sprint("a-", i))
	}
	answered := make([]int, clients)
	var total atomic.Int64
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			for n := 0; ; n++ {
				r, err := c.try(http.MethodPost, fmt.Sprint(accountsPath, "/a-", i, "/credits"),
					postBody(fmt.Sprint("t-", n), "0.01"))
				if err != nil {
					return // nobody listens any more
				}
				if r.status != http.StatusCreated {
					t.Errorf("found %d: %s", r.status, r.text)
					return
				}
				answered[i]++
				total.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return total.Load() > enough }, time.Minute, time.Millisecond)
	require.NoError(t, c.stop())
	group.Wait()
	for i, want := range answered {
		stored := 0
		for _, err := range store.store.ReadStream(t.Context(),
			eventstore.Stream{Category: "Account", ID: fmt.Sprint("a-", i)}, 2) {
			require.NoError(t, err)
			stored++
		}
		require.Equal(t, want, stored, "account %d", i)
	}
	t.Logf("%d requests answered", total.Load())
}

// If a request is under way when the service is told to stop, the service answers it before it
// stops.
func TestStopWaitsForRequests(t *testing.T) {
	t.Parallel()
	store := newSlow()
	c := start(t, slowStore(store))
	answer := make(chan reply, 1)
	go func() {
		r, err := c.try(http.MethodPost, accountsPath, createBody("a"))
		if err != nil {
			t.Error(err)
		}
		answer <- r
	}()
	<-store.entered
	stopped := make(chan error, 1)
	go func() { stopped <- c.stop() }()
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(c.url, "http://"), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, time.Minute, time.Millisecond, "it stops to listen")
	close(store.let)
	require.Equal(t, http.StatusCreated, (<-answer).status)
	require.NoError(t, <-stopped)
}
