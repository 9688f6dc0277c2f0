package logctx

import (
	"context"
	"log/slog"
	"strings"

	"github.com/fencelog/fencelog/event"
)

// The attributes that a handler adds if the context has them and the record does not.
const (
	CorrelationID = "correlationId"
	CommandID     = "commandId"
	ActorID       = "actorId"
	TraceID       = "traceId"
)

type handler struct{ slog.Handler }

// New returns a handler that adds the ids of the [event.Cause] in the context to each record, and
// hands it to next.
func New(next slog.Handler) slog.Handler { return handler{next} }

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	c := event.CauseFrom(ctx)
	has := make(map[string]bool, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		has[a.Key] = true
		return true
	})
	r = r.Clone()
	for _, a := range []struct{ key, value string }{
		{CorrelationID, c.CorrelationID},
		{CommandID, c.CommandID},
		{ActorID, c.ActorID},
		{TraceID, traceID(c.TraceParent)},
	} {
		if a.value != "" && !has[a.key] {
			r.AddAttrs(slog.String(a.key, a.value))
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

// traceID returns the trace of a W3C traceparent: version, trace, span, flags.
func traceID(traceParent string) string {
	parts := strings.Split(traceParent, "-")
	if len(parts) < 4 {
		return ""
	}
	return parts[1]
}
