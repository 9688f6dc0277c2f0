package aggregate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/handling"
)

// repeated ends an attempt whose command was applied before, or whose command id was another
// command's.
func (a *attempt[S]) repeated(ctx context.Context) (eventstore.Outcome, error) {
	result, err := a.store.Append(ctx, eventstore.Commit{
		CommandID: a.commandID, Digest: a.digest, Expect: a.expect,
		ExpectCommands: []eventstore.CommandExpectation{{CommandID: a.commandID, Applied: true}},
	})
	if err != nil {
		return a.failed(err)
	}
	outcome, err := a.first(ctx, result, a.commandID)
	if err != nil {
		err = fmt.Errorf("update %s: %w", a.streams(), err)
	}
	return outcome, err
}

// first returns what a command did that was applied before, with the result of its commit. It fails
// with [ErrSecondCommit] if this handling of the command has had that result before.
func (r *Repository[S]) first(
	ctx context.Context, result eventstore.Result, commandID string,
) (eventstore.Outcome, error) {
	o := eventstore.Outcome{Result: result, CommandID: commandID}
	for _, w := range result.Streams {
		for e, err := range r.History(ctx, w.Stream.ID, w.First) {
			if err != nil {
				return o, fmt.Errorf("load what command %q did to %s: %w", commandID, w.Stream, err)
			}
			o.Events = append(o.Events, event.Stored[any]{
				Header: e.Header, Position: e.Position, Events: untyped(e.Events),
			})
			if e.AggregateVersion >= w.Last {
				break
			}
		}
	}
	slices.SortFunc(o.Events, func(a, b event.Stored[any]) int { // all are in one partition
		return cmp.Compare(a.Position.Offset, b.Position.Offset)
	})
	if !r.remember(ctx, commandID, result) { // not earlier: who could not be told may try again
		return o, fmt.Errorf("command %q has made its commit, to %s: %w", commandID, wrote(result), ErrSecondCommit)
	}
	return o, nil
}

// ErrSecondCommit says that the handler of one command tried to make a second commit in one
// partition key. The first one was appended, the second was not.
var ErrSecondCommit = errors.New(
	"one command makes one commit in a partition key: gather the events in one Update or UpdateAll")

// remember notes a commit of the command that is handled. It reports whether this handling of the
// command has not had this commit before. The second time, the handler has tried to make another
// commit, and the store has taken that for a repetition. An append that failed does not count: the
// handler may try it again.
func (r *Repository[S]) remember(ctx context.Context, commandID string, result eventstore.Result) bool {
	return commandID == "" || handling.First(ctx, handling.Deed{
		Category: r.typ.name, Partition: result.Position.Partition, Offset: result.Position.Offset,
	})
}
