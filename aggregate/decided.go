package aggregate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/fencelog/fencelog/eventstore"
)

// decided ends an attempt with what was decided. Nobody looks at the states afterwards, because
// their parts may have become parts of events.
func (a *attempt[S]) decided(
	ctx context.Context, changes []Change[S], refused error,
) (eventstore.Outcome, error) {
	if refused != nil {
		return a.check(ctx, refused)
	}
	c, err := a.encode(ctx, changes)
	if err != nil || len(c.Records) == 0 {
		return a.check(ctx, err)
	}
	return a.commit(ctx, c)
}

// check tells an answer without events once it is certain that it was so.
func (a *attempt[S]) check(ctx context.Context, answer error) (eventstore.Outcome, error) {
	if len(a.expect) == 0 {
		return eventstore.Outcome{CommandID: a.commandID}, answer // it rests on nothing
	}
	_, err := a.store.Append(ctx, eventstore.Commit{
		Expect: a.expect, ExpectCommands: a.commands, Unconfirmed: a.options.unconfirmed,
	})
	if err != nil {
		return a.failed(err)
	}
	a.settle(ctx)
	return eventstore.Outcome{CommandID: a.commandID}, answer
}

// maxUnseenConflicts is how often a commit is queued anew because a stream has moved that the
// decision has not seen. Then the commit goes to the end of such streams, wherever that is. It does
// not do so at once: without an expectation it stands beside their lines, and nobody can decide on
// it before it is stored.
const maxUnseenConflicts = 100

// commit appends what was decided. If only a stream moves that the decision has not seen, the
// decision stands.
func (a *attempt[S]) commit(ctx context.Context, c *commit[S]) (eventstore.Outcome, error) {
	unseen := a.unseen(c)
	withinLimit := len(a.expect)+len(unseen) <= eventstore.MaxCommitRecords
	c.ExpectCommands = a.commands
	var ends []eventstore.Expectation
	for conflicts := 0; ; conflicts++ {
		c.Expect = a.expect
		behind := len(unseen) > 0 && withinLimit && conflicts < maxUnseenConflicts
		if behind {
			var err error
			if ends, err = a.ends(ctx, unseen); err != nil {
				return a.check(ctx, err)
			}
			c.Expect = slices.Concat(a.expect, ends)
		}
		outcome, err := a.append(ctx, c)
		if err == nil {
			a.settleCommit(ctx, c, outcome.Result)
			return outcome, nil
		}
		var conflict *eventstore.ConflictError
		var reused *eventstore.CommandReusedError
		switch {
		case behind && errors.As(err, &conflict) && slices.Contains(unseen, conflict.Stream):
			continue
		case errors.Is(err, eventstore.ErrConflict):
			return outcome, &overtakenError{err}
		case errors.As(err, &reused) && reused.Stored != "" && reused.Stored == reused.Given:
			// Somebody else has handled the same command meanwhile, and has decided otherwise.
			a.expect = slices.Concat(a.expect, ends)
			return a.repeated(ctx)
		case errors.Is(err, eventstore.ErrInvalid):
			return a.check(ctx, err) // as it rests on what was read
		}
		return outcome, err
	}
}

// unseen returns the streams that the commit writes to and the decision has not seen.
func (a *attempt[S]) unseen(c *commit[S]) []eventstore.Stream {
	var unseen []eventstore.Stream
	for i := range c.Records {
		s := c.Records[i].Stream()
		seen := func(e eventstore.Expectation) bool { return e.Stream == s }
		if !slices.ContainsFunc(a.expect, seen) && !slices.Contains(unseen, s) {
			unseen = append(unseen, s)
		}
	}
	return unseen
}

// ends returns where streams end. So the commit can be queued behind what is queued for them.
func (a *attempt[S]) ends(ctx context.Context, streams []eventstore.Stream) ([]eventstore.Expectation, error) {
	ends := make([]eventstore.Expectation, len(streams))
	for i, s := range streams {
		var records iter.Seq2[eventstore.Record, error]
		records, ends[i] = a.store.ReadQueued(ctx, s.At(math.MaxInt64))
		if err := failure(records); err != nil {
			return nil, fmt.Errorf("load %s: %w", s, err)
		}
	}
	return ends, nil
}
