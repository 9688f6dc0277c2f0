package aggregate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// attempt is one attempt of an update, and what its decision rests on. Each of its ends (decided,
// repeated, stopped) returns what the update returns, or an *[overtakenError].
type attempt[S any] struct {
	*Repository[S]

	options   update
	commandID string // of the command that is handled; empty if none is
	digest    string
	number    int                             // counts attempts
	expect    []eventstore.Expectation        // of the streams that were read
	commands  []eventstore.CommandExpectation // of the commands that were asked for
	reads     []*read[S]                      // of the streams that were read
	last      eventstore.Stream               // that was read for a command, in any attempt

	// These are where expect and reads begin. Most updates have one attempt, which reads one
	// stream.
	firstExpect [1]eventstore.Expectation
	firstRead   [1]*read[S]
}

// overtakenError ends an attempt because something is not as it was read any more. Another attempt
// may follow.
type overtakenError struct{ conflict error }

func (o *overtakenError) Error() string { return o.conflict.Error() }

// attempts calls try until that is not overtaken, or MaxAttempts times.
func (r *Repository[S]) attempts(
	ctx context.Context, options []UpdateOption, try func(*attempt[S]) (eventstore.Outcome, error),
) (eventstore.Outcome, error) {
	cause := event.CauseFrom(ctx)
	a := &attempt[S]{
		Repository: r, options: update{unconfirmed: r.cfg.Unconfirmed}, commandID: cause.CommandID,
		digest: cause.CommandDigest,
	}
	for _, set := range options {
		set(&a.options)
	}
	a.expect, a.reads = a.firstExpect[:0], a.firstRead[:0]
	for a.number = 1; ; a.number++ {
		outcome, err := try(a)
		if err == nil {
			return outcome, nil
		}
		var o *overtakenError
		switch {
		case !errors.As(err, &o):
			return outcome, err
		case a.number >= r.cfg.MaxAttempts:
			return a.gaveUp(ctx, o.conflict)
		}
		a.expect, a.commands, a.reads = nil, nil, nil
	}
}

// gaveUp ends an update that was overtaken MaxAttempts times. If another process has handled the
// same command meanwhile, gaveUp returns what that did.
func (a *attempt[S]) gaveUp(ctx context.Context, conflict error) (eventstore.Outcome, error) {
	conflict = fmt.Errorf("update gave up after %d attempts: %w", a.number, conflict)
	if a.last == (eventstore.Stream{}) {
		return eventstore.Outcome{}, conflict
	}
	_, at := a.store.ReadQueued(ctx, a.last.At(math.MaxInt64))
	a.expect = []eventstore.Expectation{at}
	if applied, err := a.isApplied(ctx, a.last, a.commandID); err != nil || !applied {
		return eventstore.Outcome{}, conflict
	}
	outcome, err := a.repeated(ctx)
	var o *overtakenError
	if errors.As(err, &o) {
		return eventstore.Outcome{}, conflict
	}
	return outcome, err
}

// errApplied says that the command was applied before.
var errApplied = errors.New("command was applied before")

// load returns the state of an aggregate, the only one that the decision rests on. If it fails, the
// attempt is stopped.
func (a *attempt[S]) load(ctx context.Context, id string) (state S, err error) {
	found := a.read(ctx, id)
	if err := a.rest(ctx, found); err != nil {
		return state, a.orUnread(err, found)
	}
	if err := a.complete(ctx, found); err != nil {
		return state, err
	}
	return found.folded.root.state, nil
}

// rest notes a stream that was read. Only now, behind the read, it asks whether the command was
// applied before, and fails with errApplied if it was. So what was read holds no event of the
// command, except those of a queued commit that is withdrawn. The caller gives the error to
// orUnread.
func (a *attempt[S]) rest(ctx context.Context, found *read[S]) error {
	a.expect, a.reads = append(a.expect, found.at), append(a.reads, found)
	if a.commandID == "" {
		return nil
	}
	a.last = found.at.Stream
	switch applied, err := a.isApplied(ctx, found.at.Stream, a.commandID); {
	case err != nil:
		return err
	case applied:
		return errApplied
	}
	return nil
}

// isApplied asks whether a command was applied in the partition key of a stream.
func (a *attempt[S]) isApplied(
	ctx context.Context, stream eventstore.Stream, commandID string, with ...eventstore.Expectation,
) (bool, error) {
	applied, err := a.store.Applied(ctx, stream, commandID, with...)
	if err != nil {
		return false, fmt.Errorf("load %s: %w", stream, err)
	}
	return applied, nil
}

// complete folds what was read.
func (a *attempt[S]) complete(ctx context.Context, found *read[S]) error {
	if err := a.fold(ctx, found); err != nil {
		return a.orUnread(fmt.Errorf("load %s: %w", found.at.Stream, err), found)
	}
	return nil
}

// orUnread returns err, which is not nil. If the read of the stream itself has failed, orUnread
// returns the error of the read. Then the attempt does not rest on the stream.
func (a *attempt[S]) orUnread(err error, found *read[S]) error {
	unread := failure(found.records)
	if unread == nil {
		return err
	}
	stream := found.at.Stream
	a.expect = slices.DeleteFunc(a.expect, func(e eventstore.Expectation) bool { return e.Stream == stream })
	a.reads = slices.DeleteFunc(a.reads, func(r *read[S]) bool { return r == found })
	return fmt.Errorf("load %s: %w", stream, unread)
}

// failure returns the error that a read begins with, or nil.
func failure(records iter.Seq2[eventstore.Record, error]) error {
	for _, err := range records {
		return err
	}
	return nil
}

// stopped ends an attempt whose decision could not be made. The reason may rest on queued commits.
// So stopped waits until these are stored, and another attempt follows if they are not.
func (a *attempt[S]) stopped(ctx context.Context, reason error) (eventstore.Outcome, error) {
	switch {
	case errors.Is(reason, errApplied):
		return a.repeated(ctx)
	case errors.Is(reason, eventstore.ErrConflict):
		return eventstore.Outcome{}, &overtakenError{reason}
	case len(a.expect) == 0:
		return eventstore.Outcome{}, reason
	}
	check := eventstore.Commit{Expect: a.expect, ExpectCommands: a.commands, Unconfirmed: true}
	switch _, err := a.store.Append(ctx, check); {
	case errors.Is(err, eventstore.ErrConflict):
		return eventstore.Outcome{}, &overtakenError{err}
	case err != nil: // the reason may rest on what is not stored
		return eventstore.Outcome{}, fmt.Errorf("update %s: %w (nobody confirmed what has stopped the decision: %s)",
			a.streams(), err, reason.Error())
	}
	a.settle(ctx)
	return eventstore.Outcome{}, reason
}

// failed ends an attempt whose check has failed.
func (a *attempt[S]) failed(err error) (eventstore.Outcome, error) {
	if errors.Is(err, eventstore.ErrConflict) {
		return eventstore.Outcome{}, &overtakenError{err}
	}
	return eventstore.Outcome{}, fmt.Errorf("update %s: %w", a.streams(), err)
}

// streams returns the names of the streams that were read, for people.
func (a *attempt[S]) streams() string {
	read := make([]eventstore.Stream, len(a.expect))
	for i, e := range a.expect {
		read[i] = e.Stream
	}
	return names(read)
}
