package eventstoretest_test

import (
	"context"
	"errors"

	"github.com/fencelog/fencelog/eventstore"
)

// marked is the Tip of an expectation that a broken store treats in its own way.
type marked struct{}

// tipping replaces what the store does with a commit that was decided on the records of ReadQueued.
func tipping(
	replace func(ctx context.Context, w *wrapped, c eventstore.Commit) (eventstore.Result, error),
) func(*wrapped) {
	return func(w *wrapped) {
		queued, inner := w.queued, w.append
		w.queued = func(
			ctx context.Context, after eventstore.Expectation, with ...eventstore.Expectation,
		) (records, eventstore.Expectation) {
			if after.Tip == (marked{}) {
				after.Tip = nil
			}
			all, at := queued(ctx, after, with...)
			at.Tip = marked{}
			return all, at
		}
		w.append = func(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
			if len(c.Records) > 0 && len(c.Expect) > 0 && c.Expect[0].Tip == (marked{}) {
				return replace(ctx, w, c)
			}
			return inner(ctx, c)
		}
	}
}

// checking replaces what the store answers to checks.
func checking(
	replace func(ctx context.Context, w *wrapped, c eventstore.Commit) (eventstore.Result, error),
) func(*wrapped) {
	return func(w *wrapped) {
		inner := w.append
		w.append = func(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
			if len(c.Records) == 0 {
				return replace(ctx, w, c)
			}
			return inner(ctx, c)
		}
	}
}

func queuedMutants() []mutant {
	return []mutant{
		{name: "appends behind a tip wherever the stream ends", caughtBy: caughtBy(queued), breaks: tipping(
			func(ctx context.Context, w *wrapped, c eventstore.Commit) (eventstore.Result, error) {
				c.Expect = nil
				return w.good.Append(ctx, c)
			})},
		{name: "takes the tip from after the read", caughtBy: caughtBy(queued), breaks: tipping(
			func(ctx context.Context, w *wrapped, c eventstore.Commit) (eventstore.Result, error) {
				now := eventstore.Expected(w.length(ctx, c.Stream()))
				c.Expect = []eventstore.Expectation{{Stream: c.Stream(), Version: now}}
				return w.good.Append(ctx, c)
			})},
		{name: "appends behind a tip for a context that has ended", caughtBy: caughtBy(queued), breaks: tipping(
			func(ctx context.Context, w *wrapped, c eventstore.Commit) (eventstore.Result, error) {
				return w.good.Append(context.WithoutCancel(ctx), c)
			})},
		{name: "never knows that a tip is stored", caughtBy: caughtBy(queued, checks), breaks: checking(
			func(context.Context, *wrapped, eventstore.Commit) (eventstore.Result, error) {
				return eventstore.Result{}, errors.New("not stored")
			})},
		{name: "checks nothing", caughtBy: caughtBy(queued, checks, badInput), breaks: checking(
			func(context.Context, *wrapped, eventstore.Commit) (eventstore.Result, error) {
				return eventstore.Result{}, nil
			})},
		{name: "checks no version", caughtBy: caughtBy(checks), breaks: checking(
			func(ctx context.Context, w *wrapped, c eventstore.Commit) (eventstore.Result, error) {
				r, err := w.good.Append(ctx, c)
				if errors.Is(err, eventstore.ErrConflict) {
					err = nil
				}
				return r, err
			})},
		{name: "checks no version if nobody needs to be asked", caughtBy: caughtBy(checks), breaks: checking(
			func(ctx context.Context, w *wrapped, c eventstore.Commit) (eventstore.Result, error) {
				r, err := w.good.Append(ctx, c)
				if c.Unconfirmed && errors.Is(err, eventstore.ErrConflict) {
					err = nil
				}
				return r, err
			})},
		{name: "does not look for the command of a check", caughtBy: caughtBy(checks), breaks: checking(
			func(ctx context.Context, w *wrapped, c eventstore.Commit) (eventstore.Result, error) {
				c.CommandID, c.Digest = "", ""
				return w.good.Append(ctx, c)
			})},
		{name: "takes the command of a check for the one that has its id", caughtBy: caughtBy(checks), breaks: checking(
			func(ctx context.Context, w *wrapped, c eventstore.Commit) (eventstore.Result, error) {
				c.Digest = ""
				return w.good.Append(ctx, c)
			})},
		{name: "looks at the version before the command of a check", caughtBy: caughtBy(checks), breaks: checking(
			func(ctx context.Context, w *wrapped, c eventstore.Commit) (eventstore.Result, error) {
				bare := c
				bare.CommandID, bare.Digest = "", ""
				if _, err := w.good.Append(ctx, bare); err != nil {
					return eventstore.Result{}, err
				}
				return w.good.Append(ctx, c)
			})},
	}
}
