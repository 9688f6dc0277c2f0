package aggregate

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// commit is what was decided, encoded. From then on nobody looks at the events that a decision
// returned, because code that shares them may change them.
type commit[S any] struct {
	eventstore.Commit

	// stored has by record what loading will return. It gets headers and positions once the commit
	// is stored.
	stored []event.Stored[any]
}

// encode makes the commit that stores the events of the changes. It expects nothing yet.
func (r *Repository[S]) encode(ctx context.Context, changes []Change[S]) (*commit[S], error) {
	n := 0
	for _, change := range changes {
		if err := r.typ.Check(change.Events...); err != nil {
			return nil, fmt.Errorf("update %s: %w", r.Stream(change.ID), err)
		}
		n += len(change.Events)
	}
	cause := event.CauseFrom(ctx)
	c := &commit[S]{Commit: eventstore.Commit{
		CommandID: cause.CommandID, Digest: cause.CommandDigest, Records: make([]eventstore.Record, 0, n),
	}}
	if n == 0 {
		return c, nil
	}
	if cause.CorrelationID == "" {
		cause.CorrelationID = r.cfg.NewID()
	}
	now := r.cfg.Now()
	for _, change := range changes {
		for _, e := range change.Events {
			record, err := r.record(ctx, change.ID, e, &cause, now)
			if err != nil {
				return nil, err
			}
			c.Records = append(c.Records, record)
		}
	}
	c.Records[0].CommandDigest = c.Digest
	stored, err := r.copies(ctx, c.Records)
	if err != nil {
		return nil, fmt.Errorf("save %s: %w", names(c.Streams()), err)
	}
	c.stored = stored
	return c, nil
}

// record makes the record of one event.
func (r *Repository[S]) record(
	ctx context.Context, id string, e Event[S], cause *event.Cause, now time.Time,
) (eventstore.Record, error) {
	t, _ := r.typ.types.Of(reflect.TypeOf(e))
	value, revision, err := r.codec.Encode(ctx, t, e)
	if err != nil {
		return eventstore.Record{}, fmt.Errorf("save %s: encode %s: %w", r.Stream(id), t.Name, err)
	}
	return eventstore.Record{Value: value, Header: event.Header{
		ID:                 r.cfg.NewID(),
		Type:               t.Name,
		Revision:           revision,
		Category:           r.typ.name,
		AggregateID:        id,
		Timestamp:          now,
		CorrelationID:      cause.CorrelationID,
		CausationID:        cause.CausationID,
		CommandID:          cause.CommandID,
		CommandCausationID: cause.CommandCausationID,
		ActorID:            cause.ActorID,
		TraceParent:        cause.TraceParent,
		Metadata:           cause.Metadata,
	}}, nil
}

// copies decodes what was encoded. It returns what loading will return, which shares nothing with
// the decided events. It runs before the append, so that nothing is stored that cannot be read.
func (r *Repository[S]) copies(ctx context.Context, records []eventstore.Record) ([]event.Stored[any], error) {
	copies := make([]event.Stored[any], len(records))
	for i := range records {
		events, err := r.decodeUntyped(ctx, &records[i])
		if err != nil {
			return nil, fmt.Errorf("not stored, as what was encoded cannot be decoded: %w", err)
		}
		copies[i].Events = events
	}
	return copies, nil
}

func untyped[S any](events []Event[S]) []any {
	all := make([]any, len(events))
	for i, e := range events {
		all[i] = e
	}
	return all
}

// outcome returns what the commit did. Its events have the headers that the records have in the
// store.
func (c *commit[S]) outcome(result eventstore.Result) eventstore.Outcome {
	var next map[string]int64 // of several streams, by aggregate id: the version of the next record
	if len(result.Streams) > 1 {
		next = make(map[string]int64, len(result.Streams))
		for _, w := range result.Streams {
			next[w.Stream.ID] = w.First
		}
	}
	for i := range c.stored {
		s := &c.stored[i]
		s.Header = c.Records[i].Header
		if next == nil {
			s.AggregateVersion = result.First() + int64(i)
		} else {
			s.AggregateVersion = next[s.AggregateID]
			next[s.AggregateID]++
		}
		s.Timestamp = result.Time // of all: they were given one
		s.Metadata = maps.Clone(s.Metadata)
		s.Position = result.Position // of the last one
		s.Position.Offset -= int64(len(c.stored) - 1 - i)
	}
	return eventstore.Outcome{Result: result, CommandID: c.CommandID, Events: c.stored}
}

// publish hands stored events to the bus, which logs the errors of its handlers.
func (r *Repository[S]) publish(ctx context.Context, stored []event.Stored[any]) {
	envelopes := make([]event.Envelope[any], 0, len(stored))
	for _, s := range stored {
		for _, e := range s.Events {
			envelopes = append(envelopes, event.Envelope[any]{Header: s.Header, Position: s.Position, Event: e})
		}
	}
	_ = r.cfg.Bus.Publish(ctx, envelopes...)
}
