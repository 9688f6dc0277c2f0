package query

import (
	"context"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/internal/dispatch"
)

// Metadata is what is known of a query beside its own fields. Its ids are 1 to
// [eventstore.MaxIDBytes] bytes of UTF-8; CausationID and ActorID may also be empty.
type Metadata struct {
	ID            string    // unique
	Timestamp     time.Time // when it was dispatched
	CorrelationID string    // shared by everything that one request set off
	CausationID   string    // id of the command or event whose handler dispatched it; empty if none did
	ActorID       string    // on whose behalf; empty if unknown
}

// MetadataFrom returns the metadata of the query that is being answered, and whether there is one.
func MetadataFrom(ctx context.Context) (Metadata, bool) {
	md, ok := kind.MetadataFrom(ctx)
	return Metadata(md), ok
}

// Option says something of one query.
type Option func(*dispatch.Draft)

// WithID gives the query its id.
func WithID(id string) Option { return func(d *dispatch.Draft) { d.ID = dispatch.Give(id) } }

// WithCorrelationID makes the query part of a conversation, such as a request that has an id.
func WithCorrelationID(id string) Option {
	return func(d *dispatch.Draft) { d.CorrelationID = dispatch.Give(id) }
}

// WithActor says on whose behalf the query is. Leave the option out for nobody: an empty id is
// refused.
func WithActor(id string) Option { return func(d *dispatch.Draft) { d.ActorID = dispatch.Give(id) } }

// stamp returns the metadata of a query asked under from, and the cause that its handler works
// under. It reports all mistakes at once.
func (b *Bus) stamp(from event.Cause, opts []Option) (dispatch.Metadata, event.Cause, error) {
	md, err := b.bus.Stamp(from, dispatch.DraftOf(opts))
	from.CorrelationID, from.ActorID = md.CorrelationID, md.ActorID
	return md, from, err
}
