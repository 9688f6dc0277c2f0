package aggregate

import (
	"context"

	"github.com/fencelog/fencelog/eventstore"
)

// UpdateAll calls decide with a group of aggregates of one partition key. It appends the events
// that decide returns as one commit, in the order of the changes: all are stored, or none. If
// another commit came between, UpdateAll does so again, at most MaxAttempts times. It returns what
// the commit did. If decide returns no events and no error, there is nothing to do.
//
// UpdateAll has the guarantees of [Repository.Update], for all aggregates together. decide must be
// pure. It sees all that it asks for as it stood at one moment. The events are stored only if all
// of that still stands so. A refusal, or that there is nothing to do, is told only if it was so at
// some moment after the call. See [Group].
//
// Each aggregate for which decide asks may cause a conflict. decide may change an aggregate for
// which it has not asked. Commits to that aggregate do not make UpdateAll decide again, and do not
// count as attempts.
//
// A command is applied at most once in a partition key. If that holds a commit of the command,
// UpdateAll ends decide when it asks for the first aggregate. It returns what the command did to
// all its aggregates, in the order of its commit, with Repeated set. If decide refuses before it
// asks for anything, UpdateAll does not know the partition key. Then it returns the refusal, also
// for a command that was applied.
//
// If decide panics, the panic passes, and nothing is stored.
//
// UpdateAll fails with the errors of Update, and with an *[eventstore.InvalidError] if
//   - the aggregates do not have one partition key;
//   - decide asks for an aggregate or a command whose id breaks a rule.
func (r *Repository[S]) UpdateAll(
	ctx context.Context, decide func(*Group[S]) ([]Change[S], error), options ...UpdateOption,
) (eventstore.Outcome, error) {
	var before []string // ids that the attempt before has asked for
	return r.attempts(ctx, options, func(a *attempt[S]) (eventstore.Outcome, error) {
		reading, err := newReading(ctx, a, before)
		if err != nil {
			return eventstore.Outcome{}, err
		}
		changes, refused := reading.decide(ctx, decide)
		before = reading.asked
		if reading.stop != nil {
			return a.stopped(ctx, reading.stop.reason)
		}
		return a.decided(ctx, changes, refused)
	})
}
