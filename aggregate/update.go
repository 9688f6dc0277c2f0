package aggregate

import (
	"context"

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
// A command is applied at most once in a partition key. If that holds a commit of the command that
// ctx carries, Update does not call decide. It returns what the command did, with Repeated set. So
// the handler of a command makes one commit in a partition key. [Repository.UpdateAll] changes
// several aggregates at once.
//
// Update fails with
//   - the error of decide, as it is;
//   - a *[eventstore.ConflictError] or a *[eventstore.CommandConflictError] if MaxAttempts times
//     another commit came between, or a queued commit was not stored after all;
//   - an error whose method Unavailable() bool returns true if nobody can confirm an answer without
//     events before ctx ends;
//   - a *[eventstore.CommandReusedError] if the partition key holds a commit of another command
//     with the same id, by the digest of its content;
//   - [ErrSecondCommit] if this handling of the command has committed in the partition key before;
//   - an *[UnnamedEventError] if decide returns an event that is not among those of the type;
//   - a *[DecodeError] if a stored event cannot be decoded;
//   - an error of the codec if it cannot encode the events, or cannot decode them again; then
//     nothing was stored;
//   - the other errors of the store's ReadQueued, Applied and Append.
func (r *Repository[S]) Update(
	ctx context.Context, id string, decide func(S) ([]Event[S], error), options ...UpdateOption,
) (eventstore.Outcome, error) {
	return r.attempts(ctx, options, func(a *attempt[S]) (eventstore.Outcome, error) {
		state, err := a.load(ctx, id)
		if err != nil {
			return a.stopped(ctx, err)
		}
		events, refused := decide(state)
		return a.decided(ctx, []Change[S]{{ID: id, Events: events}}, refused)
	})
}

// UpdateOption is an option of one [Repository.Update] or [Repository.UpdateAll].
type UpdateOption func(*update)

// update has the options of one update.
type update struct{ unconfirmed bool }

// Unconfirmed makes Update tell a refusal, or that there is nothing to do, by what this process
// knows. Update does not wait until the brokers have confirmed that the process still owns the
// partition. Then such an answer takes microseconds.
//
// But it may rest on a state that is over. Another process may have taken the partition over, and
// this process may not have noticed yet. It notices after some seconds, or later if it was paused.
// Unconfirmed changes nothing for events: they are appended as ever.
func Unconfirmed() UpdateOption { return func(u *update) { u.unconfirmed = true } }
