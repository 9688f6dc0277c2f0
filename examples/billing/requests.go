package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"unicode/utf8"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/observe/oteltrace"
)

const correlationHeader = "X-Correlation-ID"

func correlationID(ctx context.Context) string { return event.CauseFrom(ctx).CorrelationID }

// correlated gives each request a correlation id: the client's if it is valid, otherwise a new one.
// The id is in the answer, in the logs, and in every event that the request makes.
func correlated(newID func() string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(correlationHeader)
		if id == "" || len(id) > eventstore.MaxIDBytes || !utf8.ValidString(id) {
			id = newID()
		}
		w.Header().Set(correlationHeader, id)
		cause := event.CauseFrom(r.Context())
		cause.CorrelationID, cause.TraceParent = id, oteltrace.TraceParent(r.Context())
		next.ServeHTTP(w, r.WithContext(event.WithCause(r.Context(), cause)))
	})
}

// bounded refuses requests beyond s.inFlight at once, and bounds the time of each. A request gives
// its place back before its answer is written. So a client that reads slowly holds nothing but its
// connection and the answer.
func bounded(s settings, next http.Handler) http.Handler {
	slots := make(chan struct{}, s.inFlight)
	handle := func(a *answer, r *http.Request) {
		defer func() { <-slots }()
		ctx, cancel := context.WithTimeout(r.Context(), s.requestTimeout)
		defer cancel()
		next.ServeHTTP(a, r.WithContext(ctx))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
		default:
			newProblem(http.StatusServiceUnavailable, codeUnavailable,
				"the service handles as many requests as it can; nothing was changed; try again").retryLater().write(w,
				r)
			return
		}
		a := answer{header: w.Header(), status: http.StatusOK}
		handle(&a, r)
		connectionOf(r.Context()).wait()
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body.Bytes()) // if it fails, the client is gone
	})
}

// answer keeps a handler's answer until it is written. Its size is bounded, because pages are.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) { a.status = status }

func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// guarded answers for a handler that panics, and logs the stack.
func guarded(logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				panicked(w, r, logger, p)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func panicked(w http.ResponseWriter, r *http.Request, logger *slog.Logger, p any) {
	logger.LogAttrs(r.Context(), slog.LevelError, "request panicked", slog.Any("panic", p),
		slog.String("stack", string(debug.Stack())))
	newProblem(http.StatusInternalServerError, codeInternal, internalDetail).write(w, r)
}
