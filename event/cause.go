package event

import (
	"context"

	"github.com/fencelog/fencelog/internal/handling"
)

// Cause says what is being handled right now, and on whose behalf. It travels in the context. Code
// that makes an event or a command stamps it from there, so no line of user code carries ids along.
//
// The command bus puts a Cause into the context of every command handler, and the event bus into
// that of every event handler.
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

// WithCause returns a context that carries c. A handling of c's command begins in it.
func WithCause(ctx context.Context, c Cause) context.Context {
	return handling.Begin(ctx, c)
}

// CauseFrom returns the cause that ctx carries, or the zero Cause.
func CauseFrom(ctx context.Context) Cause {
	if c := handling.Cause[Cause](ctx); c != nil {
		return *c
	}
	return Cause{}
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
