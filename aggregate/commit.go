package aggregate

import (
	"context"
	"fmt"
	"maps"
	"reflect"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// commit is what was decided, encoded. From then on nobody looks at the events that a decision returned: whoever they are shared with may
// change them.
type commit[S any] struct {
	stream  eventstore.Stream
	records []eventstore.Record
	copies  [][]Event[S] // by record, for the bus; nil without one
}

// encode makes the commit of events.
func (r *Repository[S]) encode(ctx context.Context, id string, events []Event[S]) (*commit[S], error) {
	c := &commit[S]{stream: r.stream(id)}
	if err := r.typ.Check(events...); err != nil {
		return nil, fmt.Errorf("update %s: %w", c.stream, err)
	}
	cause := event.CauseFrom(ctx)
	if cause.CorrelationID == "" {
		cause.CorrelationID = r.cfg.NewID()
	}
	now := r.cfg.Now()
	c.records = make([]eventstore.Record, len(events))
	for i, e := range events {
		t, _ := r.typ.types.Of(reflect.TypeOf(e))
		value, revision, err := r.codec.Encode(ctx, t, e)
		if err != nil {
			return nil, fmt.Errorf("save %s: encode %s: %w", c.stream, t.Name, err)
		}
		c.records[i] = eventstore.Record{Value: value, Header: event.Header{
			ID:                 r.cfg.NewID(),
			Type:               t.Name,
			Revision:           revision,
			Timestamp:          now,
			CorrelationID:      cause.CorrelationID,
			CausationID:        cause.CausationID,
			CommandID:          cause.CommandID,
			CommandCausationID: cause.CommandCausationID,
			ActorID:            cause.ActorID,
			TraceParent:        cause.TraceParent,
			Metadata:           cause.Metadata,
		}}
	}
	c.records[0].CommandDigest = cause.CommandDigest
	if r.cfg.Bus == nil {
		return c, nil
	}
	copies, err := r.copies(ctx, c.records)
	if err != nil {
		return nil, fmt.Errorf("save %s: %w", c.stream, err)
	}
	c.copies = copies
	return c, nil
}

// copies decodes what was encoded. What it returns shares nothing with the events that were decided, and is what loading will return. It
// comes before the append, so that what cannot be read is not stored.
func (r *Repository[S]) copies(ctx context.Context, records []eventstore.Record) ([][]Event[S], error) {
	copies := make([][]Event[S], len(records))
	for i := range records {
		events, err := r.decode(ctx, records[i])
		if err != nil {
			return nil, fmt.Errorf("not stored, as what was encoded cannot be decoded: %w", err)
		}
		copies[i] = events
	}
	return copies, nil
}

// publish hands stored events to the bus, which logs what its handlers fail with. They have the headers and positions that the records have in
// the store.
func (r *Repository[S]) publish(ctx context.Context, c *commit[S], at eventstore.Result) {
	envelopes := make([]event.Envelope[any], 0, len(c.copies))
	for i, events := range c.copies {
		h := c.records[i].Header
		h.Category, h.AggregateID, h.AggregateVersion = c.stream.Category, c.stream.ID, at.First+int64(i)
		h.Timestamp = at.Time // of all: they were given one
		h.Metadata = maps.Clone(h.Metadata)
		p := at.Position
		p.Offset -= at.Last - h.AggregateVersion
		for _, e := range events {
			envelopes = append(envelopes, event.Envelope[any]{Header: h, Position: p, Event: e})
		}
	}
	_ = r.cfg.Bus.Publish(ctx, envelopes...)
}
