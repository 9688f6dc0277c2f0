package aggregate

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// Update loads the aggregate, calls decide with its state, and appends the events that decide
// returns. If another commit came between, Update does so again, at most MaxAttempts times. It
// returns what the commit did. If decide returns no events and no error, there is nothing to do.
//
// Update may call decide several times, so decide must be pure. Update stores, publishes and
// returns what the events say when decide returns, whatever they share with the state or with each
// other.
//
// Update may call decide with a state that is queued in the store and not stored yet. It returns
// only once everything that the decision rests on is stored. If that fails, Update decides anew.
//
// Update tells a refusal, or that there is nothing to do, only if it was so at some moment after
// the call. On Kafka the confirmation takes the next batch of the partition, or some milliseconds
// if there is none. See [Unconfirmed].
//
// A command is applied at most once. If the stream holds events of the command that ctx carries,
// Update does not call decide. It returns what the command did, with Repeated set. So the handler
// of a command commits to an aggregate once.
//
// Update fails with
//   - the error of decide, as it is;
//   - a *[eventstore.ConflictError] if other commits came between MaxAttempts times;
//   - an error whose method Unavailable() bool returns true if nobody can confirm an answer without
//     events before ctx ends;
//   - a *[eventstore.CommandReusedError] if the stream holds events of another command with the
//     same id, by the digest of its content;
//   - [ErrSecondCommit] if this handling of the command has committed to the aggregate before;
//   - an *[UnnamedEventError] if decide returns an event that is not among those of the type;
//   - a *[DecodeError] if a stored event cannot be decoded;
//   - an error of the codec if it cannot encode the events, or cannot decode them again; then
//     nothing was stored;
//   - the other errors of the store's ReadQueued and Append.
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

// update has the options of one Update.
type update struct{ unconfirmed bool }

// Unconfirmed makes Update tell a refusal, or that there is nothing to do, by what this process
// knows. Update does not wait until the brokers have confirmed that the process still owns the
// partition. Then such an answer takes microseconds.
//
// But it may rest on a state that is over. Another process may have taken the partition over, and
// this process may not have noticed yet. It notices after some seconds, or later if it was paused.
// Unconfirmed changes nothing for events: they are appended as ever.
func Unconfirmed() UpdateOption { return func(u *update) { u.unconfirmed = true } }

// attempt loads, decides and appends once. A conflict asks for another attempt. Without one,
// outcome and err are those of Update.
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

// unread is an attempt that could not load the aggregate. The error may rest on queued commits. So
// unread waits until these are stored, and asks for another attempt if they are not.
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

// repeated is an attempt whose command was applied before, or whose command id was another
// command's.
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

// decide returns the commit of the decision. It returns nil if there are no events, or if there is
// an error. Nobody looks at the state afterwards, because its parts may have become parts of
// events.
func (r *Repository[S]) decide(
	ctx context.Context, root *Root[S], at eventstore.Expectation, decide func(S) ([]Event[S], error),
) (*commit[S], error) {
	events, err := decide(root.State())
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return r.encode(ctx, at, events)
}

// split tells a conflict, which asks for another attempt, from any other error. To the other error
// it adds what failed.
func split(err error, what string) (conflict, other error) {
	if errors.Is(err, eventstore.ErrConflict) {
		return err, nil
	}
	return nil, fmt.Errorf("%s: %w", what, err)
}
