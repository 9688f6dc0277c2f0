package prom

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/query"
)

// Commands returns middleware that measures each command.
func (m *Metrics) Commands() command.Middleware {
	return func(next command.Handler) command.Handler {
		return func(ctx context.Context, cmd any) (eventstore.Outcome, error) {
			start := clock.Reading()
			outcome, err := next(ctx, cmd)
			m.commands.WithLabelValues(reflect.TypeOf(cmd).Name(), m.cfg.Outcome(err)).Observe(time.Since(start).Seconds())
			m.refused(m.commandRefusals, err)
			return outcome, err
		}
	}
}

// Queries returns middleware that measures each query.
func (m *Metrics) Queries() query.Middleware {
	return func(next query.Handler) query.Handler {
		return func(ctx context.Context, q any) (any, error) {
			start := clock.Reading()
			answer, err := next(ctx, q)
			m.queries.WithLabelValues(reflect.TypeOf(q).Name(), m.cfg.Outcome(err)).Observe(time.Since(start).Seconds())
			m.refused(m.queryRefusals, err)
			return answer, err
		}
	}
}

// refused counts err if it is a refusal.
func (m *Metrics) refused(by *prometheus.CounterVec, err error) {
	if err == nil {
		return
	}
	code := m.cfg.Refusal(err)
	if code == "" {
		return
	}
	if !slices.Contains(m.cfg.Refusals, code) {
		code = CodeOther
	}
	by.WithLabelValues(code).Inc()
}

// HTTP returns a handler that measures next. The function route names the request's route once next
// has handled it. It must have few values, so it must not return the request's path.
func (m *Metrics) HTTP(route func(*http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.inFlight.Inc()
		defer m.inFlight.Dec()
		start := clock.Reading()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		m.requests.WithLabelValues(method(r), route(r), strconv.Itoa(seen.status)).Observe(time.Since(start).Seconds())
	})
}

// method keeps methods that clients invent out of the labels.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions:
		return r.Method
	}
	return "other"
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
	told   bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.told {
		w.status, w.told = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.told = true
	return w.ResponseWriter.Write(b)
}

// Unwrap is for [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
