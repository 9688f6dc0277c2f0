package aggregate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// History yields the decoded events of one aggregate from a version on. If from is 1 or less, it
// yields all of them. An error is yielded once, as the last pair. Errors are those of the store's
// ReadStream, and *[DecodeError].
func (r *Repository[S]) History(ctx context.Context, id string, from int64) iter.Seq2[event.Stored[Event[S]], error] {
	return r.decodeAll(ctx, r.store.ReadStream(ctx, eventstore.Stream{Category: r.typ.name, ID: id}, from))
}

// Events yields the decoded events of all aggregates of the category from start on, up to now. They
// are in order within a partition, and so within an aggregate. An error is yielded once, as the
// last pair. Errors are those of the store's ReadCategory, and *[DecodeError].
func (r *Repository[S]) Events(ctx context.Context, start eventstore.Start) iter.Seq2[event.Stored[Event[S]], error] {
	return r.decodeAll(ctx, r.store.ReadCategory(ctx, r.typ.name, start))
}

// Follow yields what Events yields, and then what is appended. It ends when ctx ends or the store
// is closed; that error is the last pair. Errors are those of the store's Follow, and
// *[DecodeError].
func (r *Repository[S]) Follow(ctx context.Context, start eventstore.Start) iter.Seq2[event.Stored[Event[S]], error] {
	return r.decodeAll(ctx, r.store.Follow(ctx, r.typ.name, start))
}

// Handler returns a function that decodes a stored event and calls handle with it. A store's
// subscriptions take such a function. It fails with a *[DecodeError] if the record cannot be
// decoded. Other errors are those of handle.
func (r *Repository[S]) Handler(
	handle func(context.Context, event.Stored[Event[S]]) error,
) func(context.Context, eventstore.Record) error {
	return func(ctx context.Context, rec eventstore.Record) error {
		events, err := r.decode(ctx, &rec)
		if err != nil {
			return err
		}
		return handle(ctx, event.Stored[Event[S]]{Header: rec.Header, Position: rec.Position, Events: events})
	}
}

func (r *Repository[S]) decodeAll(
	ctx context.Context, records iter.Seq2[eventstore.Record, error],
) iter.Seq2[event.Stored[Event[S]], error] {
	return func(yield func(event.Stored[Event[S]], error) bool) {
		for rec, err := range records {
			stored := event.Stored[Event[S]]{Header: rec.Header, Position: rec.Position}
			if err == nil {
				stored.Events, err = r.decode(ctx, &rec)
			}
			if !yield(stored, err) || err != nil {
				return
			}
		}
	}
}

// decode returns what the record is in today's terms.
func (r *Repository[S]) decode(ctx context.Context, rec *eventstore.Record) ([]Event[S], error) {
	how, old, err := r.decodeAsStored(ctx, rec)
	if err != nil {
		return nil, err
	}
	return r.today(rec, how, old)
}

func (r *Repository[S]) today(rec *eventstore.Record, how step[S], old any) ([]Event[S], error) {
	events, err := r.typ.today(how, old)
	if err != nil {
		return nil, &DecodeError{Record: *rec, Err: err}
	}
	return events, nil
}

// decodeAsStored returns what the record is in the terms of its revision, and how that is read.
func (r *Repository[S]) decodeAsStored(ctx context.Context, rec *eventstore.Record) (how step[S], old any, err error) {
	if how, err = r.typ.read(rec.Type, rec.Revision); err != nil {
		return how, nil, &DecodeError{Record: *rec, Err: err}
	}
	into := reflect.New(how.Go)
	if err := r.codec.Decode(ctx, how.Type, rec.Value, into.Interface()); err != nil {
		return how, nil, &DecodeError{Record: *rec, Err: err}
	}
	return how, into.Elem().Interface(), nil
}

// decodeUntyped does what decode does, for code that does not know S.
func (r *Repository[S]) decodeUntyped(ctx context.Context, rec *eventstore.Record) ([]any, error) {
	how, old, err := r.decodeAsStored(ctx, rec)
	if err != nil {
		return nil, err
	}
	if how.up == nil {
		return []any{old}, nil // with one slice, not two: each commit comes here
	}
	events, err := r.today(rec, how, old)
	return untyped(events), err
}

// DecodeError says which stored event could not be decoded, where it stands, and why. It matches
// [eventstore.ErrUndecodable]. Err depends on the codec. That of package schema returns a
// *schema.DecodeError, which has the topic and the schema id. If the type of the event is not
// known, Err matches [ErrUnnamedEvent].
type DecodeError struct {
	Record eventstore.Record
	Err    error
}

// Error names the event and where it stands.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("event %s of %s/%s version %d at %s: %v",
		e.Record.Type, e.Record.Category, e.Record.AggregateID, e.Record.AggregateVersion, e.Record.Position, e.Err)
}

// Unwrap returns why.
func (e *DecodeError) Unwrap() error { return e.Err }

// Is matches [eventstore.ErrUndecodable]. If no event of this type is named, it also matches
// [eventstore.ErrUnknownEvent].
func (e *DecodeError) Is(target error) bool {
	return target == eventstore.ErrUndecodable ||
		target == eventstore.ErrUnknownEvent && errors.Is(e.Err, ErrUnnamedEvent)
}
