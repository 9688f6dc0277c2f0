package aggregate

import (
	"context"
	"fmt"
	"iter"
	"reflect"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// History yields the events of one aggregate from a version on (1 or less: all), decoded. An error is yielded
// once, as the last pair; errors are those of the store's ReadStream, and *[DecodeError].
func (r *Repository[S]) History(ctx context.Context, id string, from int64) iter.Seq2[event.Envelope[Event[S]], error] {
	return r.decodeAll(ctx, r.store.ReadStream(ctx, eventstore.Stream{Type: r.typ.name, ID: id}, from))
}

// Events yields the events of all aggregates of the type from start on, up to now, decoded: in order within a
// partition, so within an aggregate. An error is yielded once, as the last pair; errors are those of
// the store's ReadCategory, and *[DecodeError].
func (r *Repository[S]) Events(ctx context.Context, start eventstore.Start) iter.Seq2[event.Envelope[Event[S]], error] {
	return r.decodeAll(ctx, r.store.ReadCategory(ctx, r.typ.name, start))
}

func (r *Repository[S]) decodeAll(
	ctx context.Context, records iter.Seq2[eventstore.Record, error],
) iter.Seq2[event.Envelope[Event[S]], error] {
	return func(yield func(event.Envelope[Event[S]], error) bool) {
		for rec, err := range records {
			var e event.Envelope[Event[S]]
			if err == nil {
				e, err = r.decode(ctx, rec)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (r *Repository[S]) decode(ctx context.Context, rec eventstore.Record) (event.Envelope[Event[S]], error) {
	env := event.Envelope[Event[S]]{Header: rec.Header, Position: rec.Position}
	t, ok := r.typ.types.Named(rec.AggregateType, rec.Type)
	if !ok {
		return env, &DecodeError{Record: rec, Err: fmt.Errorf(
			"no event of aggregate type %q has this name: add it to aggregate.NewType, or deploy a version that knows it", r.typ.name)}
	}
	into := reflect.New(t.Go)
	if err := r.codec.Decode(ctx, t, rec.Value, into.Interface()); err != nil {
		return env, &DecodeError{Record: rec, Err: err}
	}
	env.Event = into.Elem().Interface().(Event[S])
	return env, nil
}

func (r *Repository[S]) encode(ctx context.Context, events []Event[S]) ([]eventstore.Record, error) {
	cause := event.CauseFrom(ctx)
	if cause.CorrelationID == "" {
		cause.CorrelationID = r.cfg.NewID()
	}
	now := r.cfg.Now()
	records := make([]eventstore.Record, len(events))
	for i, e := range events {
		t, _ := r.typ.types.Of(reflect.TypeOf(e))
		value, revision, err := r.codec.Encode(ctx, t, e)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", t.Name, err)
		}
		records[i] = eventstore.Record{Value: value, Header: event.Header{
			ID:            r.cfg.NewID(),
			Type:          t.Name,
			Revision:      revision,
			Timestamp:     now,
			CorrelationID: cause.CorrelationID,
			CausationID:   cause.CausationID,
			CommandID:     cause.CommandID,
			ActorID:       cause.ActorID,
			TraceParent:   cause.TraceParent,
			Metadata:      cause.Metadata,
		}}
	}
	return records, nil
}

// publish hands stored events to the bus, which logs what its handlers fail with.
func (r *Repository[S]) publish(
	ctx context.Context, stream eventstore.Stream, events []Event[S], records []eventstore.Record, at eventstore.Result,
) {
	envelopes := make([]event.Envelope[any], len(events))
	for i, e := range events {
		h := records[i].Header
		h.AggregateType, h.AggregateID, h.AggregateVersion = stream.Type, stream.ID, at.First+int64(i)
		p := at.Position
		p.Offset -= at.Last - h.AggregateVersion
		envelopes[i] = event.Envelope[any]{Header: h, Position: p, Event: e}
	}
	_ = r.cfg.Bus.Publish(ctx, envelopes...)
}

// DecodeError says which stored event could not be decoded, and why.
type DecodeError struct {
	Record eventstore.Record
	Err    error
}

// Error names the event and where it stands.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("event %s of %s/%s version %d at %s: %v",
		e.Record.Type, e.Record.AggregateType, e.Record.AggregateID, e.Record.AggregateVersion, e.Record.Position, e.Err)
}

// Unwrap returns why.
func (e *DecodeError) Unwrap() error { return e.Err }
