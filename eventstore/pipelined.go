package eventstore

import (
	"context"
	"iter"
)

// Pipelined is a [Store] whose queued commits can be decided on: commits that have their place behind what is stored, but
// are not stored yet and may never be. So those who append to one stream need not wait for each other's round trips.
//
// Nothing that was decided on queued commits may be told to anybody before they are stored, neither that there are new events
// nor that there is nothing to do. Nor may a refusal be told on a state that was over before it was asked for: the store may
// have lost the stream to another owner and not know it yet. The [Tip] sees to all of this.
type Pipelined interface {
	Store

	// ReadQueued yields what ReadStream yields, and then the records of the commits that are queued for the stream at the time
	// of the call, as they will be stored if they will. Their Position is zero.
	//
	// The tip is the end of what is yielded. Where the iteration ends with an error, the tip's methods return one, too. A store that
	// does not own the stream, as others append to it, yields no record but an error that matches [ErrNotOwner]: what
	// it knows may be behind what is stored, and a decision on that, even to refuse, would be wrong.
	ReadQueued(ctx context.Context, stream Stream, from int64) (iter.Seq2[Record, error], Tip)
}

// Tip is the end of a stream as it was read, which a decision rests on. Its methods may be called by any number of goroutines.
type Tip interface {
	// Append adds records right behind the tip, as one commit, and returns when they are stored. It is [Store]'s Append with
	// the tip's version expected, but it fails with a *[ConflictError] also
	//   - at once if another commit is stored or queued behind the tip;
	//   - if a queued commit that the tip rests on is not stored after all, even where another one takes its version.
	//
	// The actual version that such an error names may be that of a commit that is queued.
	Append(ctx context.Context, records ...Record) (Result, error)

	// Await returns nil once it is certain that the stream stood at the tip at some moment after ReadQueued was called.
	// Afterwards, what was decided without events may be told: a refusal, or that there is nothing to do.
	//
	// It returns a *[ConflictError] if what the tip rests on will never be stored, or if the stream may have gone on:
	// decide again. It fails with [ErrNotOwner] where another owner has the stream. If ctx ends before, or if the
	// brokers cannot be asked, it fails with an error whose method Unavailable() bool returns true.
	Await(ctx context.Context) error

	// Stored returns nil once everything up to the tip is stored, and otherwise what Await does. It asks nobody
	// whether the stream has gone on since. That is enough for what stays true for ever, as that a command was applied.
	Stored(ctx context.Context) error
}
