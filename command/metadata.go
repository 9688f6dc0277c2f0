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

// Metadata is what is known of a command beside its own fields. Its ids are 1 to
// [eventstore.MaxIDBytes] bytes of UTF-8; CausationID and ActorID may also be empty.
type Metadata struct {
	ID            string    // unique; the same when the command is dispatched again
	Timestamp     time.Time // when it was dispatched
	CorrelationID string    // shared by everything that one request set off
	CausationID   string    // id of the command or event whose handler dispatched it; empty if none did
	ActorID       string    // on whose behalf; empty if unknown
}

// MetadataFrom returns the metadata of the command that is being handled, and whether there is one.
// The Cause of [event.CauseFrom] has the application's own metadata.
func MetadataFrom(ctx context.Context) (Metadata, bool) {
	md, ok := kind.MetadataFrom(ctx)
	return Metadata(md), ok
}

// Option says something of one dispatched command.
type Option func(*dispatch.Draft)

// WithID gives the command its id. Two commands with one id are the same command. The second is not
// applied to an aggregate that the first has changed. If their contents differ, the second fails
// with [eventstore.ErrCommandReused].
//
// If the command names its own id, id must be that one: see [Identified].
func WithID(id string) Option { return func(d *dispatch.Draft) { d.ID = dispatch.Give(id) } }

// WithCorrelationID makes the command part of a conversation, such as a request that has an id.
func WithCorrelationID(id string) Option {
	return func(d *dispatch.Draft) { d.CorrelationID = dispatch.Give(id) }
}

// WithActor says on whose behalf the command is. Leave the option out for nobody: an empty id is
// refused.
func WithActor(id string) Option { return func(d *dispatch.Draft) { d.ActorID = dispatch.Give(id) } }

// WithMetadata adds the application's own metadata, which every event of the command carries. Keys
// are 1 to [eventstore.MaxIDBytes] bytes of UTF-8, values are UTF-8. If a key has two values the
// later one holds. Inherited metadata of the context is the earliest.
func WithMetadata(metadata map[string]string) Option {
	metadata = maps.Clone(metadata)
	return func(d *dispatch.Draft) {
		if d.Metadata == nil {
			d.Metadata = make(map[string]string)
		}
		maps.Copy(d.Metadata, metadata)
	}
}

// stamp returns the metadata of a command dispatched under from, and the cause its handler acts
// upon. It reports all mistakes at once.
func (b *Bus) stamp(from event.Cause, cmd any, opts []Option) (dispatch.Metadata, event.Cause, error) {
	d := dispatch.DraftOf(opts)
	other := identify(&d, cmd)
	md, err := b.bus.Stamp(from, d)
	if err := errors.Join(append([]error{other, err}, checkMetadata(d.Metadata)...)...); err != nil {
		return md, event.Cause{}, err
	}
	metadata := from.Metadata
	if len(d.Metadata) > 0 {
		metadata = maps.Clone(d.Metadata)
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
	if len(metadata) == 0 {
		return nil
	}
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
