package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/fencelog/fencelog/event"
)

// Metadata is what is known of a message beside its own fields. Its ids are 1 to
// [eventstore.MaxIDBytes] bytes of UTF-8; CausationID and ActorID may also be empty.
type Metadata struct {
	ID            string    // unique; that of a command is the same when it is dispatched again
	Timestamp     time.Time // when it was dispatched
	CorrelationID string    // shared by everything that one request set off
	CausationID   string    // id of the command or event whose handler dispatched it; empty if none did
	ActorID       string    // on whose behalf; empty if unknown
}

// metadataKey is the key in a context of the metadata of a kind of messages.
type metadataKey struct{ kind *Kind }

// MetadataFrom returns the metadata of the message of the kind that is being handled, and whether
// there is one.
func (k *Kind) MetadataFrom(ctx context.Context) (Metadata, bool) {
	md, ok := ctx.Value(metadataKey{k}).(Metadata)
	return md, ok
}

// MetadataFrom returns the metadata of the bus's message that is being handled, and whether there
// is one.
func (b *Bus[R]) MetadataFrom(ctx context.Context) (Metadata, bool) { return b.kind.MetadataFrom(ctx) }

// With returns a context that carries the metadata of a message and the cause that its handler acts
// upon.
func (b *Bus[R]) With(ctx context.Context, md Metadata, cause event.Cause) context.Context {
	return context.WithValue(event.WithCause(ctx, cause), metadataKey{b.kind}, md)
}

// Draft is what options say of one message.
type Draft struct {
	ID, CorrelationID, ActorID Given

	Metadata map[string]string
}

// Given is a text that an option may give. The zero Given is none.
type Given struct {
	Text string
	Is   bool
}

// Give returns a text that is given.
func Give(text string) Given { return Given{Text: text, Is: true} }

// DraftOf returns what the options say.
func DraftOf[O ~func(*Draft)](options []O) Draft {
	if len(options) == 0 { // as for most messages, which then need no draft on the heap
		return Draft{}
	}
	d := new(Draft)
	for _, option := range options {
		option(d)
	}
	return *d
}

// Stamp returns the metadata of a message dispatched under from. It reports all mistakes at once.
func (b *Bus[R]) Stamp(from event.Cause, d Draft) (Metadata, error) {
	md := Metadata{
		ID:            pick(d.ID, "", b.newID),
		Timestamp:     b.now(),
		CorrelationID: pick(d.CorrelationID, from.CorrelationID, b.newID),
		CausationID:   from.CausationID,
		ActorID:       pick(d.ActorID, from.ActorID, func() string { return "" }),
	}
	var actor error
	if d.ActorID.Is || md.ActorID != "" {
		actor = CheckID("actor id", md.ActorID)
	}
	return md, errors.Join(CheckID(b.id, md.ID), CheckID("correlation id", md.CorrelationID), actor)
}

// pick returns what was given, else what was inherited, else a fresh one.
func pick(given Given, inherited string, fresh func() string) string {
	switch {
	case given.Is:
		return given.Text
	case inherited != "":
		return inherited
	}
	return fresh()
}
