package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// server listens at once, so that probes get answers. It serves requests once the store has caught
// up.
type server struct {
	settings  settings
	telemetry *telemetry
	logger    *slog.Logger
	connect   func(context.Context, settings, *telemetry, *slog.Logger) (*backend, error)
	after     func(time.Duration) <-chan time.Time // time.After
	ready     chan struct{}                        // closed once requests are served

	serving  atomic.Pointer[site]
	stopping atomic.Bool
}

// site is what is served once the store has caught up.
type site struct {
	backend *backend
	api     *http.ServeMux
}

func newServer(s settings, t *telemetry, logger *slog.Logger) *server {
	return &server{
		settings: s, telemetry: t, logger: logger, connect: connect, after: time.After,
		ready: make(chan struct{}),
	}
}

// serve serves until ctx ends; then it answers what it has accepted, and closes the store.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	bounded := &connections{Listener: listener, most: s.settings.connections, newID: s.settings.newID}
	h := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: s.settings.readHeaderTimeout,
		ReadTimeout:       s.settings.readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
		ConnState:         bounded.changed,
		ConnContext:       withConnection,

		DisableGeneralOptionsHandler: true, // its answer would not be a problem+json
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(bounded) }()
	s.logger.Info("listening", "address", listener.Addr().String())
	failed := s.open(ctx)
	if failed == nil {
		select {
		case <-ctx.Done():
		case end := <-ended: // it ended by itself; stop returns why
			ended <- end
		}
	}
	return errors.Join(failed, s.stop(ctx, h, ended))
}

// open connects the store and lets requests in. It is no failure if ctx ends first.
func (s *server) open(ctx context.Context) error {
	err := s.enter(ctx)
	if err != nil && ctx.Err() != nil {
		s.logger.Info("stopped while starting", "error", err)
		err = nil
	}
	return err
}

func (s *server) enter(ctx context.Context) error {
	b, err := s.connect(ctx, s.settings, s.telemetry, s.logger)
	if err != nil {
		return err
	}
	s.logger.Info("caught up", "events", b.name)
	var api *http.ServeMux
	v, err := newService(ctx, b, s.settings, s.telemetry, s.logger)
	if err == nil {
		api, err = newAPI(v) //nolint:contextcheck // each request has a context of its own
	}
	if err == nil {
		// The claim comes last: an instance that cannot start takes nothing from one that serves.
		err = b.claim(ctx)
	}
	if err != nil {
		return errors.Join(err, b.close())
	}
	s.serving.Store(&site{backend: b, api: api})
	close(s.ready)
	return nil
}

// stop answers what was accepted, then closes the store.
func (s *server) stop(ctx context.Context, h *http.Server, ended chan error) error {
	s.stopping.Store(true)
	s.logger.Info("stopping")
	ctx = context.WithoutCancel(ctx)
	if at := s.serving.Load(); at != nil && s.settings.drainDelay > 0 {
		select {
		case <-s.after(s.settings.drainDelay):
		case end := <-ended:
			ended <- end
		}
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	err := h.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("some requests were not answered within %s: %w", stopTimeout, err), h.Close())
	}
	if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	if at := s.serving.Load(); at != nil {
		err = errors.Join(err, at.backend.close())
	}
	s.logger.Info("stopped")
	return err
}

// handler serves everything: the pages and the API.
func (s *server) handler() http.Handler {
	pages := map[string]http.Handler{
		"/livez":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.liveness().write(w) }),
		"/readyz":  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.readiness().write(w) }),
		"/metrics": s.telemetry.page(),
	}
	for path, page := range pages {
		pages[path] = correlated(s.settings.newID, guarded(s.logger, onlyRead(page)))
	}
	api := s.routed(s.telemetry.observed(correlated(s.settings.newID, guarded(s.logger, s.api()))))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connectionOf(r.Context()).answer()
		if page, ok := pages[r.URL.Path]; ok {
			page.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// onlyRead refuses every method but GET and HEAD.
func onlyRead(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			methodNotAllowed(r, "GET, HEAD").write(w, r)
			return
		}
		page.ServeHTTP(w, r)
	})
}

// api serves the operations. It answers any other request with the reason why it is none.
func (s *server) api() http.Handler {
	handle := received(bounded(s.settings, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serving.Load().api.ServeHTTP(w, r)
	})))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refused := routeOf(r.Context()).refused; refused != nil {
			refused.write(w, r)
			return
		}
		handle.ServeHTTP(w, r)
	})
}

// route is where a request goes, or why it goes nowhere.
type route struct {
	path    string // as openapi.json writes it; "none" if the request goes nowhere
	refused *problem
}

type routeKey struct{}

func routeOf(ctx context.Context) route {
	found, _ := ctx.Value(routeKey{}).(route)
	return found
}

// routed finds the route of each request once, for all that next does.
func (s *server) routed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), routeKey{}, s.route(r))))
	})
}

func (s *server) route(r *http.Request) route {
	at := s.serving.Load()
	if at == nil {
		return route{"none", newProblem(http.StatusServiceUnavailable, codeUnavailable,
			"the service is starting and reads the events; try again").retryLater()}
	}
	path, refused := find(at.api, r)
	if refused != nil {
		path = "none"
	}
	return route{path, refused}
}

func (s *server) readiness() health {
	at := s.serving.Load()
	switch {
	case s.stopping.Load():
		return health{Status: statusStopping}
	case at == nil:
		return health{Status: statusStarting}
	}
	return readiness(at.backend)
}

func (s *server) liveness() health {
	at := s.serving.Load()
	if at == nil {
		return health{Status: statusOK}
	}
	return liveness(at.backend)
}
