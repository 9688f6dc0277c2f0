package aggregate

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// Update loads the aggregate, calls decide with its state, and appends the events it returns. If
// another commit came between, it does so again, at most MaxAttempts times. No events and no error
// means there is nothing to do.
//
// decide must be pure: it may be called several times. Its error is returned as it is.
//
// Where the store is an [eventstore.Pipelined], decide may be called with a state that is queued and not stored yet. Update returns
// only once all that the decision rests on is stored; if that fails it decides anew.
//
// A refusal, or that there is nothing to do, is told only if it was so at some moment after Update was called. On Kafka
// that takes the next batch of the partition, or some milliseconds where there is none. Where it cannot be
// confirmed before ctx ends, Update fails with an error whose method Unavailable() bool returns true. See [Unconfirmed].
//
// A command is applied at most once: if the stream holds events of the command that ctx carries, decide is
// not called and Update returns nil. So the handler of a command commits to an aggregate once;
// after that an Update of the same one fails with [ErrSecondCommit].
func (r *Repository[S]) Update(
	ctx context.Context, id string, decide func(S) ([]Event[S], error), options ...UpdateOption,
) error {
	u := update{unconfirmed: r.cfg.Unconfirmed}
	for _, set := range options {
		set(&u)
	}
	for attempt := 1; ; attempt++ {
		conflict, err := r.attempt(ctx, id, decide, u)
		if conflict == nil {
			return err
		}
		if attempt >= r.cfg.MaxAttempts {
			return fmt.Errorf("update gave up after %d attempts: %w", attempt, conflict)
		}
	}
}

// UpdateOption is an option of one [Repository.Update].
type UpdateOption func(*update)

// update is how one Update is done.
type update struct{ unconfirmed bool }

// Unconfirmed makes Update tell a refusal, or that there is nothing to do, on what this process knows. It does not wait
// until the brokers have confirmed that the process still owns the partition. That takes microseconds.
//
// Then such an answer may rest on a state that is over: another process may have taken the partition over, and this one
// has not noticed yet. That takes some seconds, and longer if it was paused. Events are appended as ever.
func Unconfirmed() UpdateOption { return func(u *update) { u.unconfirmed = true } }

// attempt loads, decides and appends once. A conflict means that it is to be tried again; otherwise err is Update's.
func (r *Repository[S]) attempt(
	ctx context.Context, id string, decide func(S) ([]Event[S], error), u update,
) (conflict, err error) {
	root, tip, err := r.newest(ctx, id)
	var records []eventstore.Record
	handled := err == nil && root.handled(event.CauseFrom(ctx).CommandID)
	if err == nil && !handled {
		records, err = r.decide(ctx, root, decide)
	}
	if len(records) > 0 {
		return conflictOr(r.append(ctx, root, records, tip))
	}
	// What is told now was learned from what may be queued only, and perhaps by a store that was overtaken.
	await := tip.Await
	if root == nil || handled || u.unconfirmed { // that a command was applied stays true
		await = tip.Stored
	}
	conflict, failed := conflictOr(await(ctx))
	switch {
	case conflict != nil:
		return conflict, nil
	case failed != nil && root != nil:
		return nil, fmt.Errorf("update %s/%s: %w", r.typ.name, id, failed)
	case handled:
		return nil, r.onlyCommit(ctx, id)
	default:
		return nil, err
	}
}

// decide returns the encoded events of the decision; none if there is an error.
func (r *Repository[S]) decide(ctx context.Context, root *Root[S], decide func(S) ([]Event[S], error)) ([]eventstore.Record, error) {
	events, err := decide(root.State())
	if err != nil || len(events) == 0 {
		return nil, err
	}
	if err := root.Apply(events...); err != nil {
		return nil, fmt.Errorf("update %s/%s: %w", r.typ.name, root.id, err)
	}
	records, err := r.encode(ctx, events)
	if err != nil {
		return nil, fmt.Errorf("save %s/%s: %w", r.typ.name, root.id, err)
	}
	return records, nil
}

// newest loads the aggregate as it will be once all that is queued is stored. The tip is never nil.
func (r *Repository[S]) newest(ctx context.Context, id string) (*Root[S], eventstore.Tip, error) {
	if p, ok := r.store.(eventstore.Pipelined); ok {
		records, tip := p.ReadQueued(ctx, r.stream(id), 1)
		root, err := r.replay(id, r.decodeAll(ctx, records))
		return root, tip, err
	}
	root, err := r.Load(ctx, id)
	tip := storedTip{store: r.store, stream: r.stream(id)}
	if err == nil {
		tip.version = root.version
	}
	return root, tip, err
}

func conflictOr(err error) (conflict, other error) {
	if errors.Is(err, eventstore.ErrConflict) {
		return err, nil
	}
	return nil, err
}

// storedTip is the tip of a stream that was read as it is stored.
type storedTip struct {
	store   eventstore.Store
	stream  eventstore.Stream
	version int64
}

func (t storedTip) Append(ctx context.Context, records ...eventstore.Record) (eventstore.Result, error) {
	return t.store.Append(ctx, t.stream, eventstore.Expected(t.version), records...)
}

func (t storedTip) Await(context.Context) error { return nil }

func (t storedTip) Stored(context.Context) error { return nil }
