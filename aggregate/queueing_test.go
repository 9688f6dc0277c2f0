package aggregate_test

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
)

// queueing is a ledger with a queue. Queued commits are stored, or break, when something is
// appended. A queued commit rests on all that are queued before it.
type queueing struct {
	*ledger

	queued    []*queued
	entered   func()        // before each Append
	withdrawn func(*queued) // before it and all behind it leave the queue
	settled   bool          // something was queued and is not any more
}

// queued is a commit in the queue.
type queued struct {
	eventstore.Commit

	breaks         bool // it is not stored after all
	stored, broken bool // what became of it
}

// queueTip is the tip of a stream: the last commit that is queued for it, or nil.
type queueTip struct{ last *queued }

// queue queues the changes, which a command makes if its id is not empty.
func (q *queueing) queue(t *testing.T, breaks bool, commandID string, changes ...change) {
	t.Helper()
	c, err := q.made(digested(t.Context(), commandID), changes)
	require.NoError(t, err)
	q.queued = append(q.queued, &queued{Commit: c, breaks: breaks})
}

// made returns the commit that makes the changes.
func (q *queueing) made(ctx context.Context, changes []change) (c eventstore.Commit, err error) {
	captured := errors.New("captured")
	ledger := &ledger{Store: q.Store, before: func(made eventstore.Commit) { c = made }, refused: captured}
	newer := aggregate.NewType("Purse", paidIn{}, paidOut{}, froze{}, heirNamed{}, noted{}, unlisted{})
	r, err := aggregate.NewRepository(ctx, newer, ledger, jsonCodec{}, aggregate.Config{})
	if err != nil {
		return c, err
	}
	if _, err = r.UpdateAll(ctx, on("", changes...)); errors.Is(err, captured) {
		err = nil
	}
	c.Expect = nil
	return c, err
}

// withdraw takes the queued commits from i on from the queue, as their callers have left.
func (q *queueing) withdraw(i int) {
	if q.withdrawn != nil {
		q.withdrawn(q.queued[i])
	}
	for _, c := range q.queued[i:] {
		c.broken = true
	}
	q.queued = q.queued[:i]
	q.settled = true
}

// settle stores what is queued first, or does not.
func (q *queueing) settle(ctx context.Context) {
	c := q.queued[0]
	if c.breaks {
		q.withdraw(0)
		return
	}
	q.queued, q.settled, c.stored = q.queued[1:], true, true
	if _, err := q.Store.Append(ctx, c.Commit); err != nil {
		panic(err)
	}
}

// end returns where a stream ends.
func (q *queueing) end(ctx context.Context, stream eventstore.Stream) eventstore.Expectation {
	_, at := q.Store.ReadQueued(ctx, stream.At(math.MaxInt64))
	var tip queueTip
	for _, c := range q.queued {
		for _, r := range c.Records {
			if r.Stream() == stream {
				at.Version++
				tip.last = c
			}
		}
	}
	at.Tip = tip
	return at
}

// stand returns a conflict unless all streams stand as they were read.
func (q *queueing) stand(ctx context.Context, expect []eventstore.Expectation) error {
	for _, e := range expect {
		tip, _ := e.Tip.(queueTip)
		if tip.last != nil && tip.last.stored {
			tip.last = nil
		}
		if now := q.end(ctx, e.Stream); now.Version != e.Version || now.Tip != tip {
			return &eventstore.ConflictError{Stream: e.Stream, Expected: e.Version, Actual: int64(now.Version)}
		}
	}
	return nil
}

// together is what ReadQueued and Applied do with streams that were read before.
func (q *queueing) together(ctx context.Context, stream eventstore.Stream, with []eventstore.Expectation) error {
	if err := eventstore.CheckTogether(stream, with, eventstore.BeforeSlash); err != nil {
		return err
	}
	return q.stand(ctx, with)
}

func (q *queueing) ReadQueued(
	ctx context.Context, after eventstore.Expectation, with ...eventstore.Expectation,
) (iter.Seq2[eventstore.Record, error], eventstore.Expectation) {
	stream := after.Stream
	stored, at := q.ledger.ReadQueued(ctx, stream.At(int64(after.Version)))
	for _, err := range stored {
		if err != nil {
			return stored, at
		}
	}
	if tip, ok := after.Tip.(queueTip); ok && tip.last != nil && tip.last.broken {
		conflict := &eventstore.ConflictError{Stream: stream, Expected: after.Version}
		return failing(conflict), eventstore.Expectation{Stream: stream, Version: -7}
	}
	if err := q.together(ctx, stream, with); err != nil {
		return failing(err), eventstore.Expectation{Stream: stream, Version: -7}
	}
	var more []eventstore.Record
	version := int64(at.Version)
	for _, c := range q.queued {
		for _, r := range c.Records {
			if r.Stream() == stream {
				version++
				r.AggregateVersion = version
				more = append(more, r)
			}
		}
	}
	return func(yield func(eventstore.Record, error) bool) {
		for r, err := range stored {
			if !yield(r, err) {
				return
			}
		}
		for _, r := range more {
			if r.AggregateVersion > int64(after.Version) && !yield(r, nil) {
				return
			}
		}
	}, q.end(ctx, stream)
}

func (q *queueing) Applied(
	ctx context.Context, stream eventstore.Stream, commandID string, with ...eventstore.Expectation,
) (bool, error) {
	stored, err := q.ledger.Applied(ctx, stream, commandID)
	if err == nil && len(with) > 0 {
		err = q.together(ctx, stream, with)
	}
	return stored || q.has(commandID), err
}

// has reports whether the command is queued.
func (q *queueing) has(commandID string) bool {
	return slices.ContainsFunc(q.queued, func(c *queued) bool { return c.CommandID == commandID })
}

func (q *queueing) Append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	if err := eventstore.Check(c, eventstore.BeforeSlash); err != nil {
		return eventstore.Result{}, err
	}
	if q.entered != nil {
		q.entered()
	}
	known := func() bool { // then nothing else matters
		stored, err := q.Store.Applied(ctx, c.Stream(), c.CommandID)
		return err == nil && stored || c.CommandID != "" && q.has(c.CommandID)
	}
	seen := slices.DeleteFunc(slices.Clone(c.Expect), func(e eventstore.Expectation) bool { return e.Tip == nil })
	if err := q.stand(ctx, seen); err != nil && !known() {
		return eventstore.Result{}, err
	}
	for len(q.queued) > 0 {
		q.settle(ctx)
	}
	if err := q.stand(ctx, seen); err != nil && !known() {
		return eventstore.Result{}, err
	}
	c.Expect = slices.Clone(c.Expect)
	for i := range c.Expect {
		c.Expect[i].Tip = nil
	}
	return q.ledger.Append(ctx, c)
}

func (q *queueing) AppendEach(ctx context.Context, commits []eventstore.Commit) []eventstore.Answer {
	return each(ctx, commits, q.Append)
}
