package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/dispatch"
)

// Metadata says of a command what its fields do not say. Its ids are 1 to [eventstore.MaxIDBytes]
// bytes of UTF-8; CausationID and ActorID may also be empty.
type Metadata struct {
	ID            string    // unique; the same when the command is dispatched again
	Timestamp     time.Time // when it was dispatched
	CorrelationID string    // shared by everything that one request set off
	CausationID   string    // id of the command or event whose handler dispatched it; empty if none did
	ActorID       string    // on whose behalf; empty if unknown
}

type metadataKey struct{}

// MetadataFrom returns the metadata of the command that is being handled, and whether there is one.
// The application's own metadata is that of [event.CauseFrom].
func MetadataFrom(ctx context.Context) (Metadata, bool) {
	md, ok := ctx.Value(metadataKey{}).(Metadata)
	return md, ok
}

// Option sets a part of the metadata of one command.
type Option func(*draft)

// draft is what the options set; nil means not given.
type draft struct {
	id, correlationID, actorID *string
	metadata                   map[string]string
}

// WithID gives the command its id. Two commands with one id are the same command: the second is not
// applied to an aggregate that the first has changed. If their contents differ, the second fails
// with [eventstore.ErrCommandReused].
func WithID(id string) Option { return func(d *draft) { d.id = &id } }

// WithCorrelationID makes the command part of a conversation, such as a request that has an id.
func WithCorrelationID(id string) Option { return func(d *draft) { d.correlationID = &id } }

// WithActor says on whose behalf the command is. Leave the option out for nobody: an empty id is
// refused.
func WithActor(id string) Option { return func(d *draft) { d.actorID = &id } }

// WithMetadata adds the application's own metadata, which every event of the command carries. Keys
// are 1 to [eventstore.MaxIDBytes] bytes of UTF-8, values are UTF-8. If a key has two values the
// later one holds. Inherited metadata of the context is the earliest.
func WithMetadata(metadata map[string]string) Option {
	metadata = maps.Clone(metadata)
	return func(d *draft) {
		if d.metadata == nil {
			d.metadata = make(map[string]string)
		}
		maps.Copy(d.metadata, metadata)
	}
}

// stamp returns the metadata of a command dispatched under from, and the cause its handler acts
// upon. It reports all mistakes at once.
func (b *Bus) stamp(from event.Cause, opts []Option) (Metadata, event.Cause, error) {
	var d draft
	for _, opt := range opts {
		opt(&d)
	}
	md := Metadata{
		ID:            dispatch.Pick(d.id, "", b.cfg.NewID),
		Timestamp:     b.cfg.Now(),
		CorrelationID: dispatch.Pick(d.correlationID, from.CorrelationID, b.cfg.NewID),
		CausationID:   from.CausationID,
		ActorID:       dispatch.Pick(d.actorID, from.ActorID, func() string { return "" }),
	}
	wrong := []error{dispatch.CheckID("command id", md.ID), dispatch.CheckID("correlation id", md.CorrelationID)}
	if d.actorID != nil || md.ActorID != "" {
		wrong = append(wrong, dispatch.CheckID("actor id", md.ActorID))
	}
	if err := errors.Join(append(wrong, checkMetadata(d.metadata)...)...); err != nil {
		return md, event.Cause{}, err
	}
	metadata := from.Metadata
	if len(d.metadata) > 0 {
		metadata = maps.Clone(d.metadata)
		for k, v := range from.Metadata {
			if _, given := metadata[k]; !given {
				metadata[k] = v
			}
		}
	}
	return md, event.Cause{
		CorrelationID:      md.CorrelationID,
		CausationID:        md.ID,
		CommandID:          md.ID,
		CommandCausationID: md.CausationID,
		ActorID:            md.ActorID,
		TraceParent:        from.TraceParent,
		Metadata:           metadata,
	}, nil
}

func checkMetadata(metadata map[string]string) []error {
	var wrong []error
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		wrong = append(wrong, dispatch.CheckID("metadata key", k))
		if v := metadata[k]; !utf8.ValidString(v) || len(v) > eventstore.MaxCommitBytes {
			wrong = append(wrong, &eventstore.InvalidError{
				Field: "metadata " + strconv.Quote(k),
				Found: fmt.Sprintf("%d bytes, %.40q", len(v), v),
				Want:  fmt.Sprintf("at most %d bytes of UTF-8", eventstore.MaxCommitBytes),
			})
		}
	}
	return wrong
}
