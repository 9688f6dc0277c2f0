package aggregate

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// Update loads the aggregate, calls decide with its state, and appends the events it returns. If another commit came
// between, it does so again, at most MaxAttempts times. It returns what it did; no events and no error
// means there is nothing to do.
//
// decide must be pure: it may be called several times. Its error is returned as it is. What is stored, published and returned is
// what the events say when decide returns, whatever they share with the state or with each other.
//
// decide may be called with a state that is queued in the store and not stored yet. Update returns only once all that the
// decision rests on is stored; if that fails it decides anew.
//
// A refusal, or that there is nothing to do, is told only if it was so at some moment after Update was called. On Kafka
// that takes the next batch of the partition, or some milliseconds where there is none. If it cannot be
// confirmed before ctx ends, Update fails with an error whose method Unavailable() bool returns true. See [Unconfirmed].
//
// A command is applied at most once: if the stream holds events of the command that ctx carries, decide is
// not called, and Update returns what the command did, Repeated. If those events are of another command with the same id, by the
// digest of its content, Update fails with a *[eventstore.CommandReusedError]. So the handler of a command commits to an
// aggregate once; after that an Update of the same one fails with [ErrSecondCommit].
func (r *Repository[S]) Update(
	ctx context.Context, id string, decide func(S) ([]Event[S], error), options ...UpdateOption,
) (eventstore.Outcome, error) {
	u := update{unconfirmed: r.cfg.Unconfirmed}
	for _, set := range options {
		set(&u)
	}
	for attempt := 1; ; attempt++ {
		outcome, conflict, err := r.attempt(ctx, id, decide, u)
		if conflict == nil {
			return outcome, err
		}
		if attempt >= r.cfg.MaxAttempts {
			return eventstore.Outcome{}, fmt.Errorf("update gave up after %d attempts: %w", attempt, conflict)
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

// attempt loads, decides and appends once. A conflict means that it is to be tried again; otherwise the outcome and err are
// Update's.
func (r *Repository[S]) attempt(
	ctx context.Context, id string, decide func(S) ([]Event[S], error), u update,
) (outcome eventstore.Outcome, conflict, err error) {
	cause := event.CauseFrom(ctx)
	records, at := r.store.ReadQueued(ctx, r.Stream(id), 1)
	root := r.typ.New(id)
	applied, err := root.replayAll(r.decodeAll(ctx, records), cause.CommandID)
	switch {
	case err != nil:
		conflict, err := r.unread(ctx, at, err)
		return outcome, conflict, err
	case applied:
		return r.repeated(ctx, at, cause)
	}
	c, refused := r.decide(ctx, root, at, decide)
	if c != nil {
		outcome, err = r.append(ctx, c)
		if err == nil {
			err = r.onlyCommit(ctx, id)
		}
		if errors.Is(err, eventstore.ErrConflict) {
			return outcome, err, nil
		}
		return outcome, nil, err
	}
	check := at.Commit()
	check.Unconfirmed = u.unconfirmed
	if _, err := r.store.Append(ctx, check); err != nil {
		conflict, err := split(err, "update "+at.Stream.String())
		return outcome, conflict, err
	}
	return eventstore.Outcome{CommandID: cause.CommandID}, nil, refused
}

// unread is an attempt whose aggregate could not be loaded. What is told of that may rest on what is queued.
func (r *Repository[S]) unread(
	ctx context.Context, at eventstore.Expectation, failed error,
) (conflict, err error) {
	check := at.Commit()
	check.Unconfirmed = true
	if _, err := r.store.Append(ctx, check); errors.Is(err, eventstore.ErrConflict) {
		return err, nil
	}
	return nil, fmt.Errorf("load %s: %w", at.Stream, failed)
}

// repeated is an attempt whose command was applied before, or whose command id was another command's.
func (r *Repository[S]) repeated(
	ctx context.Context, at eventstore.Expectation, cause event.Cause,
) (outcome eventstore.Outcome, conflict, err error) {
	check := at.Commit()
	check.CommandID, check.Digest = cause.CommandID, cause.CommandDigest
	result, err := r.store.Append(ctx, check)
	if err != nil {
		conflict, err := split(err, "update "+at.Stream.String())
		return outcome, conflict, err
	}
	if err := r.onlyCommit(ctx, at.Stream.ID); err != nil {
		return outcome, nil, err
	}
	outcome, err = r.first(ctx, result, cause.CommandID)
	return outcome, nil, err
}

// decide returns the commit of the decision; nil if there are no events, or there is an error. The state is not looked at any more
// afterwards: its parts may have become parts of events.
func (r *Repository[S]) decide(
	ctx context.Context, root *Root[S], at eventstore.Expectation, decide func(S) ([]Event[S], error),
) (*commit[S], error) {
	events, err := decide(root.State())
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return r.encode(ctx, at, events)
}

// split tells an error that is a conflict, after which the attempt is made again, from any other, to which it adds what failed.
func split(err error, what string) (conflict, other error) {
	if errors.Is(err, eventstore.ErrConflict) {
		return err, nil
	}
	return nil, fmt.Errorf("%s: %w", what, err)
}
