package event

import (
	"context"
	"sync"
)

// Cause says what is being handled right now, and on whose behalf. It travels in
// the context, and whatever makes an event or a command stamps it from there, so
// that no line of user code carries ids along.
//
// The command bus puts one into the context of every command handler, and the event bus into that
// of every event handler.
type Cause struct {
	CorrelationID string // of the whole conversation
	CausationID   string // id of the command or event being handled
	CommandID     string // id of the command being handled; empty in an event handler
	CommandDigest string // of that command's content; empty if unknown

	// CommandCausationID is the id of the command or event whose handler dispatched that command.
	CommandCausationID string

	ActorID     string
	TraceParent string
	Metadata    map[string]string // stamped on every event; read only
}

type causeKey struct{}

type carried struct {
	Cause
	done sync.Map
}

// WithCause returns a context that carries c.
func WithCause(ctx context.Context, c Cause) context.Context {
	return context.WithValue(ctx, causeKey{}, &carried{Cause: c})
}

// CauseFrom returns the cause that ctx carries, or the zero Cause.
func CauseFrom(ctx context.Context) Cause {
	c, _ := ctx.Value(causeKey{}).(*carried)
	if c == nil {
		return Cause{}
	}
	return c.Cause
}

// Once reports whether this is the first call with key since [WithCause] put a cause into ctx; without
// a cause it always is. With it a repository tells a command that is handled for the second time
// from a handler that commits to one stream twice.
func Once(ctx context.Context, key string) bool {
	c, _ := ctx.Value(causeKey{}).(*carried)
	if c == nil {
		return true
	}
	_, seen := c.done.LoadOrStore(key, struct{}{})
	return !seen
}

// Cause returns what a handler of the event with header h acts upon: the same conversation, caused
// by this event.
func (h Header) Cause() Cause {
	return Cause{
		CorrelationID: h.CorrelationID,
		CausationID:   h.ID,
		ActorID:       h.ActorID,
		TraceParent:   h.TraceParent,
		Metadata:      h.Metadata,
	}
}
