package query

import (
	"context"
	"errors"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/internal/dispatch"
)

// Metadata says of a query what its fields do not say. Its ids are 1 to [eventstore.MaxIDBytes]
// bytes of UTF-8; ActorID may also be empty.
type Metadata struct {
	ID            string    // unique
	Timestamp     time.Time // when it was asked
	CorrelationID string    // shared by everything that one request set off
	ActorID       string    // on whose behalf; empty if unknown
}

type metadataKey struct{}

// MetadataFrom returns the metadata of the query that is being answered, and whether there is one.
func MetadataFrom(ctx context.Context) (Metadata, bool) {
	md, ok := ctx.Value(metadataKey{}).(Metadata)
	return md, ok
}

// Option sets a part of the metadata of one query.
type Option func(*draft)

// draft is what the options set; nil means not given.
type draft struct {
	id, correlationID, actorID *string
}

// WithID gives the query its id.
func WithID(id string) Option { return func(d *draft) { d.id = &id } }

// WithCorrelationID makes the query part of a conversation, such as a request that has an id.
func WithCorrelationID(id string) Option { return func(d *draft) { d.correlationID = &id } }

// WithActor says on whose behalf the query is. Leave the option out for nobody: an empty id is
// refused.
func WithActor(id string) Option { return func(d *draft) { d.actorID = &id } }

// stamp returns the metadata of a query asked under from, and the cause that its handler works
// under. It reports all mistakes at once.
func (b *Bus) stamp(from event.Cause, opts []Option) (Metadata, event.Cause, error) {
	var d draft
	for _, opt := range opts {
		opt(&d)
	}
	md := Metadata{
		ID:            dispatch.Pick(d.id, "", b.cfg.NewID),
		Timestamp:     b.cfg.Now(),
		CorrelationID: dispatch.Pick(d.correlationID, from.CorrelationID, b.cfg.NewID),
		ActorID:       dispatch.Pick(d.actorID, from.ActorID, func() string { return "" }),
	}
	wrong := []error{dispatch.CheckID("query id", md.ID), dispatch.CheckID("correlation id", md.CorrelationID)}
	if d.actorID != nil || md.ActorID != "" {
		wrong = append(wrong, dispatch.CheckID("actor id", md.ActorID))
	}
	from.CorrelationID, from.ActorID = md.CorrelationID, md.ActorID
	return md, from, errors.Join(wrong...)
}
